// How long the history takes to list and filter 100,000 runs: the processor time of the fastest of ten calls.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { historyFilter } from '../../src-main/contract/history.ts';
import { Catalog } from '../../src-main/engine/catalog/catalog.ts';

const runs = 100_000;
const wantedMs = 50;
const verbs = ['fit', 'slice', 'evaluate'];

const home = mkdtempSync(path.join(tmpdir(), 'snug-bench-'));
try {
  (await Catalog.open(home)).close();
  fill(path.join(home, 'catalog.sqlite'));
  const catalog = await Catalog.open(home);
  const filters = [
    {},
    { verb: 'slice' },
    { state: 'done', offset: runs / 2 },
    { tag: 'good' },
    { search: 'model-7.gguf' },
  ];
  for (const filter of filters) {
    const wanted = historyFilter.parse(filter);
    const milliseconds = Math.min(
      ...Array.from({ length: 10 }, () => cpuMilliseconds(() => catalog.history.list(wanted))),
    );
    const verdict = milliseconds < wantedMs ? 'within' : 'ABOVE';
    console.log(`${JSON.stringify(filter)}: ${milliseconds.toFixed(1)} ms, ${verdict} ${wantedMs} ms`);
  }
  catalog.close();
} finally {
  rmSync(home, { recursive: true });
}

function cpuMilliseconds(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function fill(file: string): void {
  const database = new Database(file);
  const text = JSON.stringify('x'.repeat(2000)); // as much as a result has
  const experiment = database.prepare(
    "INSERT INTO experiments (id, verb, model, recipe_hash, state, created, place) VALUES (?, ?, ?, '', 'done', ?, ?)",
  );
  const detail = database.prepare(
    "INSERT INTO details (experiment, recipe, versions, result) VALUES (?, '{}', '{}', ?)",
  );
  const metric = database.prepare("INSERT INTO metrics (experiment, name, context, value) VALUES (?, 'kld', '', 0.1)");
  const tag = database.prepare("INSERT INTO tags (tag, experiment) VALUES ('good', ?)");
  database.transaction(() => {
    for (let index = 0; index < runs; index++) {
      const id = `run-${index}`;
      const created = new Date(1.7e12 + index * 1000).toISOString();
      experiment.run(id, verbs[index % verbs.length], `/models/model-${index % 50}.gguf`, created, index);
      detail.run(id, text);
      metric.run(id);
      if (index % 10 === 0) tag.run(id);
    }
  })();
  database.close();
}
