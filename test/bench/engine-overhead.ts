// What the engine and the catalog cost besides the work: a fit of the sample model as `snug demo` makes it, the time in which
// no worker and no llama host was at work against the time in which one was.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { hasEnded } from '../../src-main/contract/job.ts';
import { recipe as recipeSchema } from '../../src-main/contract/recipe.ts';
import { Children } from '../../src-main/engine/children.ts';
import { createEngine } from '../../src-main/engine/engine.ts';
import { findFolders } from '../../src-main/engine/folders.ts';
import { root } from '../support/paths.ts';

const rounds = 3;
const wanted = 0.03;
const spans: { start: number; end: number }[] = [];

// Every duty of a child, from its start to its end.
for (const kind of ['llama', 'worker'] as const) {
  const duty = Children.prototype[kind] as (this: Children, ...values: unknown[]) => Promise<unknown>;
  Children.prototype[kind] = async function (this: Children, ...values: unknown[]) {
    const start = performance.now();
    try {
      return await duty.apply(this, values);
    } finally {
      spans.push({ start, end: performance.now() });
    }
  } as never;
}

/** Milliseconds that the spans cover together. */
function covered(): number {
  let [total, last] = [0, 0];
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    total += Math.max(0, end - Math.max(start, last));
    last = Math.max(last, end);
  }
  return total;
}

const folder = mkdtempSync(path.join(tmpdir(), 'snug-bench-'));
const overheads: number[] = [];
try {
  let onEnd = (): void => {};
  const folders = { ...findFolders(path.join(root, 'src-main/engine'), false), home: path.join(folder, 'home') };
  const { handlers, close } = await createEngine(folders, (name, payload) => {
    const { event } = payload as { event?: { type: string } };
    if (name === 'jobs.changed' && (event?.type === 'finished' || event?.type === 'failed')) onEnd();
  });
  const outside = { signal: new AbortController().signal, progress: () => {} } as never;
  for (let round = 0; round < rounds; round++) {
    spans.length = 0;
    const done = new Promise<void>((resolve) => (onEnd = resolve));
    const recipe = recipeSchema.parse({
      verb: 'fit',
      ...(await handlers.sample({}, outside)),
      output: path.join(folder, `demo-${round}.gguf`),
      target: { kind: 'file', bytes: 4_500_000 },
      calibration: { samples: 32 },
    });
    const start = performance.now();
    const { id } = await handlers['jobs.start']({ recipe, clonedFrom: null }, outside);
    await done;
    const total = performance.now() - start;
    const { job } = await handlers['jobs.get']({ id }, outside);
    if (!hasEnded(job) || job.state !== 'done') throw new Error(`The job did not end well: ${JSON.stringify(job)}`);
    overheads.push((total - covered()) / covered());
  }
  await close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const median = overheads.toSorted((a, b) => a - b)[Math.floor(rounds / 2)]!;
const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
console.log(
  `Engine and catalog: ${percent(median)} of the children's time (median of ${rounds}: ${overheads.map(percent).join(', ')}).`,
);
console.log(median < wanted ? `Within ${percent(wanted)}.` : `ABOVE ${percent(wanted)}.`);
