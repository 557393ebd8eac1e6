// Rows of the studies beside sparsity and precision against the verbs that make the same models; rows as files.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { StudyKind } from '../../src-main/contract/recipe.ts';
import { errorOf, madeIn, quick, resultOf, slicedBy, startEngine, temporaryFolder } from '../support/engine.ts';
import { goldenModels, tinyModel } from '../support/golden-models.ts';
import { sampleFolder, sampleModel } from '../support/paths.ts';
import { studied, study } from '../support/studies.ts';

test('calibration-size: each size is what slice makes of so many samples; sizes beyond the text are left out', async () => {
  const engine = await startEngine();
  const text = path.join(temporaryFolder(), 'rows.tokens.json');
  const rows = Array.from({ length: 6 }, (_, row) => Array.from({ length: 64 }, (_, i) => (row * 977 + i * 31) % 4096));
  writeFileSync(text, JSON.stringify({ input_ids: [...rows, rows[0]] }));
  const options = { calibration: { texts: [text] }, values: ['2', '4', '50', '100'] };
  const result = studied(await engine.run(study('calibration-size', options)), 'calibration-size');
  expect(result.rows.map(({ value, samples, tokens }) => [value, samples, tokens])).toEqual([
    [2, 2, 128],
    [4, 4, 256],
    [50, 6, 384],
  ]);
  expect(result.skipped).toEqual([{ value: 100, reason: expect.stringContaining('has 6 samples') as string }]);
  expect(result.warnings.join()).toContain('1 of 7 calibration samples were there already');
  const output = path.join(temporaryFolder(), 'sliced');
  const calibration = { texts: [text], samples: 4 };
  const cut = { verb: 'slice', method: 'per-block', model: sampleModel, output, sparsity: 0.25, ...quick, calibration };
  const sliced = slicedBy(await engine.run(cut), 'per-block');
  expect(result.rows[1]!.kld).toBe(sliced.quality!.kld!.mean);
  expect(result.rows[2]!.kld).not.toBe(result.rows[1]!.kld);
});

test('calibration-size by a shared rotation: every size plans the same width', async () => {
  const engine = await startEngine();
  const result = studied(
    await engine.run(study('calibration-size', { method: 'shared', values: ['2', '4'] })),
    'calibration-size',
  );
  expect(result.rows.map(({ samples }) => samples)).toEqual([2, 4]);
  expect(result.rows[0]!.fileBytes).toBe(result.rows[1]!.fileBytes);
  expect(result.rows[0]!.kld).not.toBe(result.rows[1]!.kld);
  const output = path.join(temporaryFolder(), 'sliced.gguf');
  const calibration = { ...quick.calibration, samples: 2 };
  const cut = { verb: 'slice', model: sampleModel, output, sparsity: 0.25, prove: false, ...quick, calibration };
  const sliced = slicedBy(await engine.run(cut), 'shared');
  expect(result.rows[0]!.fileBytes).toBe(sliced.fileBytes);
});

test('combination: rows are files of slice and quantize, sorted by size; what a type cannot have is told', async () => {
  const engine = await startEngine();
  const recipe = study('combination', { values: ['0', '0.25'], types: ['Q8_0', 'q4_k_m'], model: sampleFolder });
  const { rows, skipped, type } = studied(await engine.run(recipe), 'combination');
  expect(type).toBe(null);
  expect(rows.map((row) => [row.value, row.type])).toEqual([
    [0, 'Q4_K_M'],
    [0.25, 'Q8_0'],
    [0, 'Q8_0'],
  ]);
  expect(skipped).toEqual([{ value: '0.25, Q4_K_M', reason: expect.stringContaining('multiples of 256') as string }]);
  // Larger and worse than Q4_K_M as it is.
  expect(rows.map(({ onFront }) => onFront)).toEqual([true, false, true]);
  const folder = temporaryFolder();
  const common = { model: sampleFolder, type: 'Q8_0', prove: false, ...quick };
  const cut = { verb: 'slice', sparsity: 0.25, output: path.join(folder, 's.gguf'), ...common };
  const sliced = slicedBy(await engine.run(cut), 'shared');
  expect(rows[1]).toMatchObject({ fileBytes: sliced.fileBytes, parametersAfter: sliced.parametersAfter, width: 192 });
  expect(rows[1]!.kld).toBeCloseTo(sliced.quality!.kld!.mean, 6);
  const plain = { verb: 'quantize', output: path.join(folder, 'q.gguf'), evaluate: false, ...common };
  expect(rows[2]!.fileBytes).toBe(resultOf(await engine.run(plain), 'quantize').fileBytes);
});

test.skipIf(!goldenModels)('combination: a model that only block by block can cut is told so', async () => {
  const engine = await startEngine();
  const { code, message } = errorOf(await engine.run(study('combination', { model: tinyModel('opt') })));
  expect(code).toBe('UNSUPPORTED_ARCHITECTURE');
  expect(message).toContain('snug slice --method per-block');
  expect(message.match(/cannot be sliced/g)).toHaveLength(1);
  // llama.cpp has no such family.
  expect(message).not.toContain('snug quantize');
});

test('speed: both models at every batch, on the device that was named', async () => {
  const engine = await startEngine();
  const recipe = study('speed', { values: ['2', '1'], device: 'cpu' });
  const { rows, promptTokens, decodeTokens } = studied(await engine.run(recipe), 'speed');
  expect(rows.map(({ value, model }) => `${value} ${model}`)).toEqual(['1 dense', '1 sliced', '2 dense', '2 sliced']);
  expect([promptTokens, decodeTokens]).toEqual([128, 32]);
  for (const [index, row] of rows.entries()) {
    const dense = rows[index - (index % 2)]!;
    expect(row.device).toBe('cpu');
    expect(row.prefillTokensPerSecond).toBeGreaterThan(row.decodeTokensPerSecond);
    expect(row.decodeRatio).toBeCloseTo(row.decodeTokensPerSecond / dense.decodeTokensPerSecond, 12);
  }
  expect(rows[0]).toMatchObject({ kld: 0, sparsity: 0, prefillRatio: 1 });
  expect(rows[1]!.fileBytes).toBeLessThan(rows[0]!.fileBytes);
  expect(rows[1]!.kld).toBeGreaterThan(0.001);
  const elsewhere = errorOf(await engine.run(study('speed', { values: ['1'], device: 'webgpu' })));
  expect(elsewhere.code).toBe('DEVICE_UNAVAILABLE');
});

test('rows are written as a file, and a file of kept rows that is damaged counts as none', async () => {
  const engine = await startEngine();
  const folder = temporaryFolder();
  const recipe = study('sparsity', { method: 'shared', values: ['0.25'] });
  const csv = path.join(folder, 'rows.csv');
  const { rows } = studied(await engine.run({ ...recipe, output: csv }), 'sparsity');
  const [titles, ...lines] = readFileSync(csv, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','));
  expect(lines).toHaveLength(1);
  expect(Object.fromEntries(titles!.map((title, index) => [title, lines[0]![index]]))).toMatchObject({
    ...{ value: '0.25', kld: String(rows[0]!.kld), scheduler: 'constant', retained: '' },
  });
  expect(errorOf(await engine.run({ ...recipe, output: csv })).code).toBe('OUTPUT_EXISTS');

  const [fingerprint] = readdirSync(path.join(engine.home, 'studies'));
  const kept = path.join(engine.home, 'studies', fingerprint!);
  const row = path.join(kept, readdirSync(kept)[0]!);
  writeFileSync(row, readFileSync(row, 'utf8').slice(0, 40));
  const json = path.join(folder, 'rows.json');
  const again = studied(await engine.run({ ...recipe, output: json }), 'sparsity');
  expect(again).toMatchObject({ keptRows: 0, output: json, rows: [{ kld: rows[0]!.kld }] });
  expect(again.warnings).toContainEqual(expect.stringContaining('.damaged-'));
  expect(again.rows[0]!.finished).not.toBe(rows[0]!.finished);
  expect(JSON.parse(readFileSync(json, 'utf8'))).toEqual(again);
  expect(madeIn(folder)).toEqual(['rows.csv', 'rows.json']);
});

test.each<[string, StudyKind, object, string]>([
  ['no share at all', 'sparsity', { values: ['0'] }, 'above 0'],
  ['half a text', 'speed', { values: ['0.5'] }, 'whole numbers from 1'],
  ['shortcuts in a GGUF', 'combination', { method: 'per-block' }, 'shortcut matrices'],
  ['what is varied, named twice', 'combination', { width: 192 }, '--values'],
  ['types elsewhere', 'speed', { types: ['Q4_0'] }, 'combination'],
  ['a type that is none', 'combination', { types: ['Q4_9'] }, 'Q4_9'],
  ['only what cannot be made', 'combination', { values: ['0.25'], types: ['Q4_K_M'] }, 'a larger share with --values'],
  ['multiples that the model is too narrow for', 'combination', { values: ['0.5'], round: 512 }, 'there is none below'],
  ['an unknown ending', 'speed', { output: path.resolve('rows.txt') }, '.json nor .csv'],
])('%s is refused', async (_, kind, more, words) => {
  const engine = await startEngine();
  const error = errorOf(await engine.run(study(kind, more)));
  expect(error.code).toBe('USAGE');
  expect(error.message).toContain(words);
});
