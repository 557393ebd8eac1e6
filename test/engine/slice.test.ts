// Slicing jobs from end to end on the bundled sample (hidden size 256): every form of output, reuse of a calibration,
// what is refused before any work.
import { existsSync, readFileSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDecoder } from '../../src-main/core/architectures/decoder.ts';
import { openModel } from '../../src-main/core/formats/model-source.ts';
import { errorOf, madeIn, quick, resultOf, slicedBy, startEngine, temporaryFolder } from '../support/engine.ts';
import { goldenModels } from '../support/golden-models.ts';
import { architectures, sampleModel } from '../support/paths.ts';

const slice = (output: string, more: object = {}): object => ({
  verb: 'slice',
  model: sampleModel,
  output,
  sparsity: 0.25,
  ...quick,
  ...more,
});

/** Files of a folder that a run left besides its output. */
const leftIn = (folder: string, output: string): string[] =>
  madeIn(folder).filter((name) => name !== path.basename(output));

describe('a sliced GGUF', () => {
  test('is measured, proved, and made from a calibration that the next run uses again', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const output = path.join(folder, 'sliced.gguf');
    const first = slicedBy(await engine.run(slice(output)), 'shared');

    const model = await openModel(output);
    const { config } = openDecoder(model);
    await model.close();
    expect(config).toMatchObject({ hiddenSize: 192, headDim: 32 });
    expect(first).toMatchObject({
      method: 'shared',
      type: 'F16',
      sparsity: 0.25,
      orientation: 'pca',
      fileBytes: statSync(output).size,
      calibrationReused: false,
      invariance: { passed: true },
      proof: { passed: true, loaded: true },
    });
    expect(first.widths).toMatchObject({ hidden_size: 256, head_dimension: 192 });
    expect(first.quality!.kld!.mean).toBeGreaterThan(0.01);
    expect(first.invariance.perplexityAfter).toBeCloseTo(first.invariance.perplexityBefore, 2);
    expect(leftIn(folder, output)).toEqual([]);

    const again = resultOf(await engine.run(slice(output, { force: true })), 'slice');
    expect(again).toMatchObject({ calibrationReused: true, sha256: first.sha256 });

    const other = slice(output, { force: true, calibration: { samples: 3, length: 256 } });
    expect(slicedBy(await engine.run(other), 'shared').calibrationReused).toBe(false);
  });

  test('is quantised in the same pass, by default in the Hadamard orientation', async () => {
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'small.gguf');
    const result = resultOf(await engine.run(slice(output, { type: 'Q8_0', width: 192, sparsity: null })), 'slice');
    expect(result).toMatchObject({ type: 'Q8_0', orientation: 'hadamard', proof: { passed: true } });
    expect(result.tensorTypes['Q8_0']).toBeGreaterThan(40);
    expect(result.fileBytes).toBe(statSync(output).size);
  });
});

describe('other forms', () => {
  test('a folder of safetensors, which is a model again', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const output = path.join(folder, 'sliced');
    const result = resultOf(await engine.run(slice(output)), 'slice');
    expect(JSON.parse(readFileSync(path.join(output, 'slicing.json'), 'utf8'))).toEqual(result.widths);
    expect(leftIn(folder, output)).toEqual([]);
    expect((await engine.call.inspect({ model: output }, {} as never)).format).toBe('sliced');
    const model = await openModel(output);
    expect(openDecoder(model).config).toMatchObject({ hiddenSize: 192, headDim: 32 });
    expect(result.fileBytes).toBe(model.fileBytes);
    await model.close();
    const evaluated = resultOf(
      await engine.run({ verb: 'evaluate', model: output, against: sampleModel, ...quick }),
      'evaluate',
    );
    expect(evaluated.kld!.mean).toBeCloseTo(result.quality!.kld!.mean, 3);
  });

  test('a folder is written again beside what the user put there', async () => {
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'sliced');
    const bare = { evaluate: false, prove: false };
    resultOf(await engine.run(slice(output, bare)), 'slice');
    const [notes, stale] = [path.join(output, 'notes.txt'), path.join(output, 'model-00001-of-00002.safetensors')];
    writeFileSync(notes, 'mine');
    writeFileSync(stale, 'of an older model');
    writeFileSync(path.join(output, 'added_tokens.json'), 'of an older model');
    expect(errorOf(await engine.run(slice(output, bare))).code).toBe('OUTPUT_EXISTS');
    const again = resultOf(await engine.run(slice(output, { ...bare, sparsity: 0.5, force: true })), 'slice');
    expect(readFileSync(notes, 'utf8')).toBe('mine');
    expect(existsSync(stale)).toBe(false);
    expect(existsSync(path.join(output, 'added_tokens.json'))).toBe(false);
    expect(JSON.parse(readFileSync(path.join(output, 'slicing.json'), 'utf8'))).toEqual(again.widths);
    const model = await openModel(output);
    expect(openDecoder(model).config.hiddenSize).toBe(128);
    await model.close();
  });

  test.each(['shared', 'per-block'])('of a folder (%s), only what the run made is deleted', async (method) => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const output = path.join(folder, 'sliced');
    const result = resultOf(await engine.run(slice(output, { method, evaluate: false, prove: false })), 'slice');
    const at = (name: string): string => path.join(output, name);
    const beside = readdirSync(output).filter((name) => name !== 'model.safetensors');
    expect(Object.keys(result.companions!)).toEqual(beside.toSorted());
    expect(beside).toEqual(expect.arrayContaining(['config.json', 'slicing.json', 'tokenizer.json']));
    // Edited, and put there under a name that Snug might have given; touched only.
    const [edited, added, touched] = [at('config.json'), at('chat_template.jinja'), at('tokenizer.json')];
    for (const file of [edited, added]) writeFileSync(file, 'mine');
    utimesSync(touched, new Date(), new Date());
    const { deleted, kept } = await engine.call['history.deleteFiles']({ run: result.run }, {} as never);
    expect(deleted.map((file) => file.path)).toEqual([output]);
    expect(kept.map((file) => file.path).toSorted()).toEqual([added, edited]);
    expect(readdirSync(output).toSorted()).toEqual(['chat_template.jinja', 'config.json']);
    expect(readFileSync(edited, 'utf8')).toBe('mine');
  });

  test('what was proved and could not get its name is kept, and not called unproved', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const output = path.join(folder, 'sliced');
    const id = await engine.runUntil(slice(output, { evaluate: false }), 'export');
    writeFileSync(output, 'of someone who was faster');
    const error = errorOf(await engine.ended(id));
    const kept = path.join(folder, 'sliced.gguf.unpublished');
    expect(error).toMatchObject({ code: 'OUTPUT_EXISTS', details: { path: kept } });
    expect(madeIn(folder)).toEqual(['sliced', 'sliced.gguf.unpublished']);
    const model = await openModel(kept);
    expect(openDecoder(model).config.hiddenSize).toBe(192);
    await model.close();
  });

  test('an ONNX model', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const output = path.join(folder, 'sliced.onnx');
    const result = resultOf(await engine.run(slice(output, { type: 'F32' })), 'slice');
    expect(result.fileBytes).toBe(statSync(output).size);
    expect(leftIn(folder, output)).toEqual([]);
    writeFileSync(`${output}.data`, 'of a larger model');
    resultOf(await engine.run(slice(output, { type: 'F32', evaluate: false, prove: false, force: true })), 'slice');
    expect(leftIn(folder, output)).toEqual([]);
  });
});

describe('what is refused before any work', () => {
  const cases: [name: string, more: object, message: RegExp][] = [
    ['a width beyond the model', { sparsity: null, width: 512 }, /from 1 to the model's 256/],
    ['a width that the type cannot have', { sparsity: null, width: 200, type: 'Q8_0' }, /no multiple of 32.*take 192/],
    ['quantised safetensors', { output: 'folder', type: 'Q8_0' }, /cannot hold Q8_0/],
    ['a safetensors file', { output: 'model.safetensors' }, /is a folder/],
    ['an unknown type', { type: 'Q9_K' }, /no mix "Q9_K"/],
    [
      'a sparsity that rounding takes back',
      { sparsity: 0.2, type: 'Q4_K_M' },
      /Nothing would be cut.*multiples of 256.*256 columns there is none below.*--sparsity/,
    ],
    ['importance of the dense model', { type: 'Q4_0', importance: '/some/imatrix.gguf' }, /takes on or off/],
    ['an ending that is none of ours', { output: 'out.ggfu' }, /ends in \.ggfu/],
  ];
  test.each(cases)('%s', async (_name, more, message) => {
    const engine = await startEngine();
    const name = 'output' in more ? String(more.output) : 'out.gguf';
    const output = path.join(temporaryFolder(), name);
    expect(errorOf(await engine.run(slice(output, { ...more, output })))).toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(message) as string,
    });
  });

  test('a folder of the user is not replaced, forced or not', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, 'thesis.txt'), 'mine');
    const error = errorOf(await engine.run(slice(folder, { force: true })));
    expect(error.code).toBe('OUTPUT_EXISTS');
    expect(readdirSync(folder)).toEqual(['thesis.txt']);
  });

  test.skipIf(!architectures)('a family without graphs', async () => {
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'out.gguf');
    const error = errorOf(await engine.run(slice(output, { model: path.join(architectures!, 'qwen3moe.gguf') })));
    expect(error).toMatchObject({
      code: 'UNSUPPORTED_ARCHITECTURE',
      details: { reason: expect.any(String) as string },
    });
  });
});

test.skipIf(!goldenModels)('a model without a tokenizer is sliced on token rows', async () => {
  const engine = await startEngine();
  const model = path.join(goldenModels!, 'llama-gqa');
  const rows = path.join(model, 'input.tokens.json');
  const recipe = {
    ...{ verb: 'slice', model, output: path.join(temporaryFolder(), 'out.gguf'), width: 48, threads: 1 },
    calibration: { texts: [rows], samples: 4, length: 48 },
    evaluation: { text: rows, allowSameText: true },
  };
  const result = resultOf(await engine.run(recipe), 'slice');
  expect(result).toMatchObject({ invariance: { passed: true }, proof: { passed: true, sample: '' } });
});

test.skipIf(!goldenModels)('and on those of the calibration alone, where nothing is measured', async () => {
  const engine = await startEngine();
  const model = path.join(goldenModels!, 'llama-gqa');
  const calibration = { texts: [path.join(model, 'input.tokens.json')], samples: 4, length: 48 };
  const recipe = { verb: 'slice', model, width: 48, threads: 1, calibration };
  const output = (): string => path.join(temporaryFolder(), 'out.gguf');
  const proved = resultOf(await engine.run({ ...recipe, output: output(), evaluate: false }), 'slice');
  expect(proved).toMatchObject({ invariance: { passed: true }, proof: { passed: true } });
  expect(proved.quality).toBeUndefined();
  expect(errorOf(await engine.run({ ...recipe, output: output() }))).toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('no tokenizer: give texts as token ids') as string,
  });
});

test('rows that are no multiple of the block are told', async () => {
  const engine = await startEngine();
  const more = { sparsity: null, width: 136, round: 8, type: 'Q8_0', evaluate: false, prove: false };
  const result = resultOf(await engine.run(slice(path.join(temporaryFolder(), 'out.gguf'), more)), 'slice');
  expect(result.warnings).toEqual(
    expect.arrayContaining([expect.stringMatching(/no multiple of 32.* gives them F16/)]),
  );
});

test('invariance: a rotation leaves the sample as it was', async () => {
  const engine = await startEngine();
  const result = resultOf(
    await engine.run({ verb: 'invariance', model: sampleModel, threads: 1, evaluation: { window: 128, windows: 2 } }),
    'invariance',
  );
  expect(result).toMatchObject({ passed: true, tokens: 256, text: 'evaluation' });
  expect(result.maxLogitDifference).toBeLessThan(2e-2 * result.largestLogit);
  expect(result.orthogonality).toBeLessThan(1e-12);
  expect(Math.abs(result.perplexityAfter / result.perplexityBefore - 1)).toBeLessThan(1e-5);
});
