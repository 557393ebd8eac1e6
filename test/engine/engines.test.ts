// Engines that cannot be judged by their process: of another PID namespace, or whose start the system does not tell.
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { recipe } from '../../src-main/contract/recipe.ts';
import { partPath, sweepParts } from '../../src-main/core/formats/part-files.ts';
import { isElsewhere, processTag, thisProcess } from '../../src-main/core/process-identity.ts';
import { Catalog } from '../../src-main/engine/catalog/catalog.ts';
import { sweepJobFolders } from '../../src-main/engine/jobs/job-folder.ts';
import { catalogRecorder } from '../../src-main/engine/recorder.ts';
import { temporaryFolder } from '../support/engine.ts';

const invariance = recipe.parse({ verb: 'invariance', model: 'm.gguf' });
const fresh = (id: string) => ({ id, recipe: invariance, created: '2026', versions: {}, clonedFrom: null });
/** Its id is in use, by a process of which nobody knows whether it is the same. */
const unknownStart = { pid: process.ppid, startTime: null };
/** Of another container: ids are used there too, ours among them. */
const elsewhere = { pid: process.pid, startTime: thisProcess.startTime?.replace(/.{8}$/, '0badcafe') ?? null };

async function opened(home = temporaryFolder()): Promise<Catalog> {
  const catalog = await Catalog.open(home);
  onTestFinished(() => catalog.close());
  return catalog;
}

function onClock(): void {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
}

const owners = [
  ['whose start is not known', unknownStart],
  ...(thisProcess.startTime === null ? [] : [['of another container', elsewhere] as const]),
] as const;

describe.each(owners)('an engine %s', (_name, owner) => {
  it('keeps its lease while it shows itself, and loses it when it is silent for long while others wait', async () => {
    const { leases } = await opened();
    onClock();
    expect(leases.take('cpu', 'theirs', owner)).toBeNull();
    const look = (): string | null => leases.take('cpu', 'ours', thisProcess)?.experiment ?? null;
    for (let second = 0; second < 120; second++) {
      vi.advanceTimersByTime(1000);
      if (second % 2 === 0) leases.beat('cpu', 'theirs');
      expect(look()).toBe('theirs');
    }
    let silentSeconds = 0;
    for (; look() !== null && silentSeconds < 100; silentSeconds++) vi.advanceTimersByTime(1000);
    expect(silentSeconds).toBeGreaterThanOrEqual(58);
    expect(silentSeconds).toBeLessThanOrEqual(70);
  });

  it('loses nothing to a machine that slept, until it had the time to show itself', async () => {
    const { leases } = await opened();
    onClock();
    expect(leases.take('cpu', 'theirs', owner)).toBeNull();
    expect(leases.take('cpu', 'ours', thisProcess)).toMatchObject({ experiment: 'theirs' });
    vi.advanceTimersByTime(8 * 3600 * 1000);
    for (let quarter = 0; quarter < 16; quarter++) {
      expect(leases.take('cpu', 'ours', thisProcess)).toMatchObject({ experiment: 'theirs' });
      vi.advanceTimersByTime(250);
    }
    expect(leases.current('cpu')).toBeNull(); // one look tells no more
    leases.beat('cpu', 'theirs');
    expect(leases.current('cpu')).toMatchObject({ experiment: 'theirs' });
  });

  it('has its runs interrupted by the next start when it is silent, and not while it shows itself', async () => {
    const home = temporaryFolder();
    const { experiments, leases } = await opened(home);
    experiments.add(fresh('run'), owner);
    experiments.update('run', { state: 'running', progress: null, stages: [] });
    expect(leases.take('cpu', 'run', owner)).toBeNull();
    expect((await opened(home)).experiments.get('run')?.state).toBe('running');
    const database = new Database(path.join(home, 'catalog.sqlite'));
    database.exec("UPDATE engines SET seen = '2020-01-01'; UPDATE leases SET heartbeat = '2020-01-01'");
    const start = performance.now();
    expect((await opened(home)).experiments.get('run')?.state).toBe('interrupted');
    expect(performance.now() - start).toBeGreaterThan(9000);
    expect(database.prepare('SELECT count(*) FROM engines').pluck().get()).toBe(0);
    database.close();
  }, 30_000);
});

it('an engine shows itself as long as it has runs in hand', async () => {
  const home = temporaryFolder();
  const catalog = await opened(home);
  const database = new Database(path.join(home, 'catalog.sqlite'), { readonly: true });
  onTestFinished(() => void database.close());
  const seen = (): unknown => database.prepare('SELECT seen FROM engines').pluck().get();
  onClock();
  const recorder = catalogRecorder(catalog, {});
  const run = { id: 'run', recipe: invariance, created: '2026' };
  recorder.added({ ...run, job: { state: 'queued' } }, null);
  for (let beat = 0; beat < 3; beat++) {
    vi.advanceTimersByTime(2000);
    expect(seen()).toBe(new Date().toISOString());
  }
  recorder.changed({ ...run, job: { state: 'cancelled' } });
  expect(seen()).toBeUndefined();
});

describe.skipIf(thisProcess.startTime === null)('files of another container', () => {
  const aged = (file: string, hours: number): string => {
    const when = new Date(Date.now() - hours * 3_600_000);
    utimesSync(file, when, when);
    return file;
  };

  it('are told by their names', () => {
    expect(isElsewhere(elsewhere)).toBe(true);
    expect(isElsewhere(thisProcess)).toBe(false);
    expect(isElsewhere(unknownStart)).toBe(false);
    const [ticks, place] = elsewhere.startTime!.split('-');
    expect(isElsewhere({ pid: 1, startTime: `${ticks}-00000000${place!.slice(8)}` })).toBe(false); // of an earlier boot
  });

  it('are left while they are used: parts', async () => {
    const output = path.join(temporaryFolder(), 'o.gguf');
    const tag = processTag(elsewhere);
    const [claim, part] = [`${output}.claim.${tag}.part`, `${output}.${tag}.part`];
    for (const file of [claim, part]) writeFileSync(file, '');
    aged(part, 48); // written to the end, and measured since
    expect((await sweepParts(output)).map((living) => living.isClaim).toSorted()).toEqual([false, true]);
    aged(claim, 1);
    expect(await sweepParts(output)).toEqual([]);
    expect(readdirSync(path.dirname(output))).toEqual([]);
  }, 30_000);

  it('are left for a day: parts without a claim', async () => {
    const output = path.join(temporaryFolder(), 'o.gguf');
    const part = partPath(output).replace(processTag(thisProcess), processTag(elsewhere));
    writeFileSync(part, '');
    expect(await sweepParts(output)).toMatchObject([{ path: part }]);
    aged(part, 25);
    expect(await sweepParts(output)).toEqual([]);
  });

  it('are left for a week: scratch files', async () => {
    const home = temporaryFolder();
    const scratch = path.join(home, 'jobs/run', `scratch.${processTag(elsewhere)}`);
    mkdirSync(scratch, { recursive: true });
    writeFileSync(path.join(scratch, 'file'), '');
    aged(scratch, 8 * 24);
    await sweepJobFolders(home);
    expect(readdirSync(scratch)).toEqual(['file']);
    aged(path.join(scratch, 'file'), 8 * 24);
    await sweepJobFolders(home);
    expect(readdirSync(path.dirname(scratch))).toEqual([]);
  });
});
