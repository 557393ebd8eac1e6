// Studies from end to end on the bundled sample: rows, what they share, rows that outlive a cancel.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { JobEvent } from '../../src-main/contract/job.ts';
import { errorOf, quick, slicedBy, startEngine, temporaryFolder, type TestEngine } from '../support/engine.ts';
import { goldenModels, readJson, tinyModel } from '../support/golden-models.ts';
import { sampleModel } from '../support/paths.ts';
import { studied, study } from '../support/studies.ts';

/** What was told of rows while studies ran. */
const rowEvents = ({ events }: TestEngine): unknown[] =>
  events.flatMap(({ name, payload }) => {
    const { event } = payload as { event?: JobEvent };
    return name === 'jobs.changed' && event?.type === 'measured' ? [event.row] : [];
  });

describe('sparsity', () => {
  test.skipIf(goldenModels === null)('a row of a golden model has the reference loss and count', async () => {
    const engine = await startEngine();
    const model = tinyModel('llama-gqa');
    const tokens = path.join(model, 'input.tokens.json');
    const texts = { calibration: { texts: [tokens] }, evaluation: { text: tokens, allowSameText: true } };
    const recipe = study('sparsity', { model, ...texts, type: 'F32', values: ['0.25'] });
    const { rows, dense } = studied(await engine.run(recipe), 'sparsity');
    const correct = readJson<{ nll_dense: number; nll_sliced: number; params_sliced: number }>(
      path.join(model, 'correct.json'),
    );
    expect(Math.log(dense.perplexity)).toBeCloseTo(correct.nll_dense, 4);
    expect(rows.map(({ scheduler }) => scheduler)).toEqual(['constant', 'variance']);
    expect(Math.log(rows[0]!.perplexity)).toBeCloseTo(correct.nll_sliced, 4);
    expect(rows[0]!.perplexityRatio).toBeCloseTo(Math.exp(correct.nll_sliced - correct.nll_dense), 3);
    expect(rows[0]!.parametersAfter).toBe(correct.params_sliced);
    expect(rows[1]).toMatchObject({ value: 0.25, retained: expect.any(Number) as number });
    expect(rows[1]!.sparsity).toBeGreaterThanOrEqual(0.25);
  });

  test('has a row per value and scheduler, as slice measures them; finished rows are not made again', async () => {
    const engine = await startEngine();
    const recipe = study('sparsity', { values: ['0.25', '.1'] });
    const first = studied(await engine.run(recipe), 'sparsity');
    const { rows } = first;
    expect(rows.map(({ value, scheduler }) => [value, scheduler])).toEqual([
      [0.1, 'constant'],
      [0.1, 'variance'],
      [0.25, 'constant'],
      [0.25, 'variance'],
    ]);
    expect(rowEvents(engine)).toEqual(rows); // as they were finished
    expect(rows[0]!.kld).toBeLessThan(rows[2]!.kld);
    // What went, not what was asked for: 230 columns are rounded down to 224.
    expect(rows[0]!.sparsity).toBe(0.125);
    expect(rows[1]!.sparsity).toBeGreaterThanOrEqual(0.1);
    expect(rows[3]!.sparsity).toBeGreaterThanOrEqual(0.25);
    expect(rows[3]!.retained).toBeGreaterThan(0.5);
    expect(first).toMatchObject({ keptRows: 0, skipped: [], method: 'per-block' });
    expect(first.shared.join(' ')).toContain('spectra of one pass through the dense model');

    const output = path.join(temporaryFolder(), 'sliced');
    const slice = { verb: 'slice', method: 'per-block', model: sampleModel, output, sparsity: 0.25, ...quick };
    const sliced = slicedBy(await engine.run(slice), 'per-block');
    expect(sliced.quality!.kld!.mean).toBeCloseTo(rows[2]!.kld, 9);
    expect(sliced.parametersAfter).toBe(rows[2]!.parametersAfter);

    const again = studied(await engine.run(recipe), 'sparsity');
    expect(again).toMatchObject({ keptRows: 4, rows, dense: first.dense });
    expect(rowEvents(engine)).toEqual([...rows, ...rows]); // kept ones too
    const more = studied(await engine.run(study('sparsity', { values: ['0.25', '0.375'] })), 'sparsity');
    expect(more.keptRows).toBe(2);
    expect(more.rows.slice(0, 2)).toEqual(rows.slice(2));
  });

  test.skipIf(goldenModels === null)('shares that leave one width are one row, and the other is told', async () => {
    const engine = await startEngine();
    const model = tinyModel('llama-gqa');
    const tokens = path.join(model, 'input.tokens.json');
    const texts = { calibration: { texts: [tokens] }, evaluation: { text: tokens, allowSameText: true } };
    const recipe = study('sparsity', { model, ...texts, type: 'F32', values: ['0.2', '0.25'] });
    const { rows, skipped } = studied(await engine.run(recipe), 'sparsity');
    expect(rows.map(({ value, scheduler }) => [value, scheduler])).toEqual([
      [0.2, 'constant'],
      [0.2, 'variance'],
      [0.25, 'variance'],
    ]);
    expect(skipped).toEqual([{ value: 0.25, reason: 'constant widths leave 48 columns, as 0.2 does: see its row' }]);
  });

  test('by a shared rotation: one calibration for all widths, and what cannot be cut is told', async () => {
    const engine = await startEngine();
    const result = studied(
      await engine.run(study('sparsity', { method: 'shared', values: ['0.125', '0.001'] })),
      'sparsity',
    );
    expect(result.rows).toMatchObject([{ value: 0.125, scheduler: 'constant', retained: null }]);
    expect(result.skipped).toMatchObject([{ value: 0.001 }]);
    expect(result.shared[0]).toContain('One calibration pass served all rows');
  });
});

test('pca-precision: eigenvalues are held against those of fp64', async () => {
  const engine = await startEngine();
  const { rows } = studied(await engine.run(study('pca-precision', { values: ['fp32'] })), 'pca-precision');
  expect(rows.map(({ value }) => value)).toEqual(['fp64', 'fp32']);
  expect(rows[0]).toMatchObject({ eigenvalueError: { firstSite: 0, largest: 0 } });
  expect(rows[0]!.orthogonality).toBeLessThan(1e-12);
  expect(rows[1]!.orthogonality).toBeGreaterThan(rows[0]!.orthogonality);
  expect(rows[1]!.eigenvalueError.firstSite).toBeGreaterThan(0);
  expect(rows[1]!.eigenvalueError.firstSite).toBeLessThan(1e-4);

  // The eigenvalues of fp64 are kept with its row.
  const more = studied(await engine.run(study('pca-precision')), 'pca-precision');
  expect(more.rows.map(({ value }) => value)).toEqual(['fp64', 'fp32-sum64', 'fp32']);
  expect(more).toMatchObject({ keptRows: 2, rows: [rows[0], {}, rows[1]] });
  expect(more.rows[1]!.eigenvalueError.firstSite).toBeGreaterThan(0);
  expect(more.rows[1]!.eigenvalueError.firstSite).toBeLessThan(1e-4);
});

/** Of the one study of `home`. */
function keptRows(home: string): { key: string; row: object }[] {
  const studies = path.join(home, 'studies');
  const folder = path.join(studies, readdirSync(studies)[0]!);
  return readdirSync(folder).map((name) => readJson(path.join(folder, name)));
}

test('a study that is cancelled goes on behind its finished rows', async () => {
  const engine = await startEngine();
  const recipe = study('sparsity', { values: ['0.5'] });
  const id = await engine.runUntil(recipe, 'row');
  await engine.call['jobs.cancel']({ id }, {} as never);
  expect((await engine.ended(id)).job.state).toBe('cancelled');
  const stopped = keptRows(engine.home).map(({ row }) => row);
  expect(stopped).toHaveLength(1);
  const again = studied(await engine.run(recipe), 'sparsity');
  // With its time: it was not made again.
  expect(again).toMatchObject({ keptRows: 1, rows: [stopped[0], { scheduler: 'variance' }] });
});

test('rows that are made again replace the old ones one by one; the output is another matter', async () => {
  const engine = await startEngine();
  const output = path.join(temporaryFolder(), 'rows.json');
  const recipe = study('sparsity', { values: ['0.5'], output });
  const first = studied(await engine.run(recipe), 'sparsity');
  const id = await engine.runUntil({ ...recipe, again: true, force: true }, 'row');
  await engine.call['jobs.cancel']({ id }, {} as never);
  expect((await engine.ended(id)).job.state).toBe('cancelled');
  const kept = keptRows(engine.home);
  expect(kept).toHaveLength(2);
  expect(kept.filter(({ row }) => first.rows.some((old) => isDeepStrictEqual(old, row)))).toHaveLength(1);

  expect(errorOf(await engine.run({ ...recipe, again: true }))).toMatchObject({ code: 'OUTPUT_EXISTS' });
  const replaced = studied(await engine.run({ ...recipe, force: true }), 'sparsity');
  expect(replaced).toMatchObject({ keptRows: 2, rows: { length: 2 } });
});

test.each([
  ['a value that is none', study('sparsity', { values: ['2'] }), 'is no value of sparsity'],
  ['a quantised type', study('sparsity', { type: 'Q4_K_M' }), 'no float type'],
  ['what is varied, named twice', study('sparsity', { sparsity: 0.2 }), '--values'],
  // Before a text is opened.
  [
    'a share that leaves no width',
    study('sparsity', { values: ['0.999'], evaluation: { text: path.resolve('nowhere') } }),
    'no width',
  ],
  [
    'too wide a width',
    study('pca-precision', { width: 300, evaluation: { text: path.resolve('nowhere') } }),
    'from 1 to',
  ],
  ['a shared PCA', study('pca-precision', { method: 'shared' }), 'per-block slices'],
])('%s is refused', async (_, recipe, words) => {
  const engine = await startEngine();
  const error = errorOf(await engine.run(recipe));
  expect(error).toMatchObject({ code: 'USAGE' });
  expect(error.message).toContain(words);
});
