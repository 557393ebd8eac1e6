// Studies from end to end on the bundled sample: rows, what they share, rows that outlive a cancel.
import { describe, expect, test } from 'vitest';
import type { StudyResult } from '../../src-main/contract/study.ts';
import { errorOf, quick, resultOf, slicedBy, startEngine, temporaryFolder } from '../support/engine.ts';
import { sampleModel } from '../support/paths.ts';
import path from 'node:path';

const study = (kind: string, more: object = {}): object => ({
  verb: 'study',
  kind,
  model: sampleModel,
  ...quick,
  ...more,
});

function rowsOf<Kind extends StudyResult['kind']>(
  result: StudyResult,
  kind: Kind,
): Extract<StudyResult, { kind: Kind }>['rows'] {
  if (result.kind !== kind) throw new Error(`expected a study of ${kind}, not ${result.kind}`);
  return result.rows as never;
}

describe('sparsity', () => {
  test('has a row per value and scheduler, as slice measures them; finished rows are not made again', async () => {
    const engine = await startEngine();
    const recipe = study('sparsity', { values: ['0.25', '.125'] });
    const first = resultOf(await engine.run(recipe), 'study');
    const rows = rowsOf(first, 'sparsity');
    expect(rows.map(({ value, scheduler }) => [value, scheduler])).toEqual([
      [0.125, 'constant'],
      [0.125, 'variance'],
      [0.25, 'constant'],
      [0.25, 'variance'],
    ]);
    expect(rows[0]!.kld).toBeLessThan(rows[2]!.kld);
    expect(rows[3]!.sparsity).toBeGreaterThanOrEqual(0.25);
    expect(rows[3]!.retained).toBeGreaterThan(0.5);
    expect(first).toMatchObject({ keptRows: 0, skipped: [], method: 'per-block' });
    expect(first.shared.join(' ')).toContain('spectra of one pass through the dense model');

    const output = path.join(temporaryFolder(), 'sliced');
    const slice = { verb: 'slice', method: 'per-block', model: sampleModel, output, sparsity: 0.25, ...quick };
    const sliced = slicedBy(await engine.run(slice), 'per-block');
    expect(sliced.quality!.kld!.mean).toBeCloseTo(rows[2]!.kld, 9);
    expect(sliced.parametersAfter).toBe(rows[2]!.parametersAfter);

    const again = resultOf(await engine.run(recipe), 'study');
    expect(again).toMatchObject({ keptRows: 4, rows, dense: first.dense });
    const more = resultOf(await engine.run(study('sparsity', { values: ['0.25', '0.375'] })), 'study');
    expect(more.keptRows).toBe(2);
    expect(more.rows.slice(0, 2)).toEqual(rows.slice(2));
  });

  test('by a shared rotation: one calibration for all widths, and what cannot be cut is told', async () => {
    const engine = await startEngine();
    const result = resultOf(
      await engine.run(study('sparsity', { method: 'shared', values: ['0.125', '0.001'] })),
      'study',
    );
    expect(rowsOf(result, 'sparsity')).toMatchObject([{ value: 0.125, scheduler: 'constant', retained: null }]);
    expect(result.skipped).toMatchObject([{ value: 0.001 }]);
    expect(result.shared[0]).toContain('One calibration pass served all rows');
  });
});

test('calibration-size: larger sets begin with the smaller ones, and none is larger than the text', async () => {
  const engine = await startEngine();
  const recipe = study('calibration-size', { values: ['2', '4', '4000', '5000'], calibration: { length: 256 } });
  const result = resultOf(await engine.run({ ...recipe, values: ['2', '4'] }), 'study');
  const rows = rowsOf(result, 'calibration-size');
  expect(rows).toMatchObject([
    { value: 2, samples: 2, tokens: 512 },
    { value: 4, samples: 4, tokens: 1024 },
  ]);
  expect(result.calibration).toBeNull();
});

test('pca-precision: eigenvalues are held against those of fp64', async () => {
  const engine = await startEngine();
  const result = resultOf(await engine.run(study('pca-precision', { values: ['fp32'] })), 'study');
  const rows = rowsOf(result, 'pca-precision');
  expect(rows.map(({ value }) => value)).toEqual(['fp64', 'fp32']);
  expect(rows[0]).toMatchObject({ eigenvalueError: { firstSite: 0, largest: 0 } });
  expect(rows[0]!.orthogonality).toBeLessThan(1e-12);
  expect(rows[1]!.orthogonality).toBeGreaterThan(rows[0]!.orthogonality);
  expect(rows[1]!.eigenvalueError.firstSite).toBeGreaterThan(0);
  expect(rows[1]!.eigenvalueError.firstSite).toBeLessThan(1e-4);
});

test('a study that is cancelled goes on behind its finished rows', async () => {
  const engine = await startEngine();
  const recipe = study('sparsity', { values: ['0.5'] });
  const id = await engine.runUntil(recipe, 'row');
  await engine.call['jobs.cancel']({ id }, {} as never);
  expect((await engine.ended(id)).job.state).not.toBe('done');
  const again = resultOf(await engine.run(recipe), 'study');
  expect(again.keptRows).toBeGreaterThan(0);
});

test.each([
  ['a value that is none', study('sparsity', { values: ['2'] }), 'is no value of sparsity'],
  ['a quantised type', study('sparsity', { type: 'Q4_K_M' }), 'no float type'],
  ['what is varied, named twice', study('sparsity', { sparsity: 0.2 }), '--values'],
  ['a shared PCA', study('pca-precision', { method: 'shared' }), 'per-block slices'],
])('%s is refused', async (_, recipe, words) => {
  const engine = await startEngine();
  const error = errorOf(await engine.run(recipe));
  expect(error).toMatchObject({ code: 'USAGE' });
  expect(error.message).toContain(words);
});
