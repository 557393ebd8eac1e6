// ONNX files as models of jobs: either side of an evaluation, with any tokenizer; slices cut again; refused where something else
// is made of them.
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openOnnxModel } from '../../src-main/core/export/onnx/open-onnx-model.ts';
import { writeOnnxModel } from '../../src-main/core/export/onnx/write-onnx-model.ts';
import { openModel } from '../../src-main/core/formats/model-source.ts';
import { inspect } from '../../src-main/engine/library/inspect.ts';
import { errorOf, quick, resultOf, slicedBy, startEngine, temporaryFolder } from '../support/engine.ts';
import type { TestEngine } from '../support/engine.ts';
import { goldenModels, goldenTokens, tinyModel } from '../support/golden-models.ts';
import { decoderOf } from '../support/graph-runs.ts';
import { architectures, sampleFolder, sampleModel } from '../support/paths.ts';
import { constantConfig, slicedInto } from '../support/per-block.ts';
import { ports } from '../support/slicing.ts';

const evaluate = (model: string, more: object = {}, evaluation: object = {}): object => ({
  ...{ verb: 'evaluate', model, ...quick, ...more },
  evaluation: { ...quick.evaluation, ...evaluation },
});
const evaluated = async (engine: TestEngine, ...recipe: Parameters<typeof evaluate>) =>
  resultOf(await engine.run(evaluate(...recipe)), 'evaluate');

async function onnxOf(decoder: Parameters<typeof writeOnnxModel>[0]['decoder']): Promise<string> {
  const output = path.join(temporaryFolder(), 'model.onnx');
  await writeOnnxModel({ ...ports, decoder, output, type: 'F32' });
  return output;
}

const again = (
  model: string,
  output: string,
  more: { evaluation?: object } & Record<string, unknown> = {},
): object => ({
  ...{ verb: 'slice', method: 'per-block', model, output, sparsity: 0.25, type: 'F32' },
  ...more,
  evaluation: { ...quick.evaluation, ...more.evaluation },
});

/** A slice of the golden phi, as a folder and as an ONNX file. */
async function phiSlice() {
  const decoder = await decoderOf(tinyModel('phi'));
  const folder = path.join(temporaryFolder(), 'wide');
  const { sliced } = await slicedInto(folder, {
    decoder,
    windows: goldenTokens('phi'),
    widths: constantConfig(decoder, 56),
  });
  return { folder, file: await onnxOf(sliced), decoder: sliced };
}

/** Makes NaN of a weight's eighth element in float32. */
function spoil(file: string, { offset, type }: { offset: number; type: string }): void {
  expect(type).toBe('F32');
  const bytes = readFileSync(file);
  bytes.writeFloatLE(Number.NaN, offset + 7 * 4);
  writeFileSync(file, bytes);
}

/** Weights of a folder by name; of positions those that are some. */
async function weightsOf(folder: string, name: string): Promise<Map<string, Buffer>> {
  const model = await openModel(folder);
  try {
    const found = new Map<string, Buffer>();
    for (const entry of model.tensors) {
      const rowBytes = entry.bytes / entry.shape.at(-1)!;
      const skipped = name === 'opt' && entry.name.includes('embed_positions') ? 2 * rowBytes : 0;
      found.set(entry.name, Buffer.from(await model.read(entry, skipped)));
    }
    return found;
  } finally {
    await model.close();
  }
}

/** Rows of token ids. */
function tokensFile(): string {
  const text = path.join(temporaryFolder(), 'rows.tokens.json');
  writeFileSync(text, JSON.stringify({ input_ids: [Array.from({ length: 40 }, (_, index) => 3 + index)] }));
  return text;
}

describe.skipIf(!goldenModels)('evaluate', () => {
  it.each(['opt', 'phi', 'qwen3'])('has of the file of a slice of %s what it has of the folder', async (name) => {
    const engine = await startEngine();
    const [dense, text] = [tinyModel(name), path.join(tinyModel(name), 'input.tokens.json')];
    const decoder = await decoderOf(dense);
    const made = { decoder, windows: goldenTokens(name), widths: constantConfig(decoder, 48) };
    const folder = path.join(temporaryFolder(), 'sliced');
    const { sliced } = await slicedInto(folder, made);
    const file = await onnxOf(sliced);
    const [{ widths, config }, whole] = [await inspect(file), await inspect(folder)];
    expect({ widths, config }).toEqual({ widths: whole.widths, config: whole.config });

    const own = await evaluated(engine, file, { against: dense }, { text });
    const other = await evaluated(engine, folder, { against: dense }, { text });
    expect(Math.abs(own.compressed.perplexity / other.compressed.perplexity - 1)).toBeLessThan(1e-4);
    expect(own.kld!.mean).toBeGreaterThan(0.01);
    expect(Math.abs(own.kld!.mean / other.kld!.mean - 1)).toBeLessThan(1e-3);
    expect(own.topOneAgreement).toBe(other.topOneAgreement);
    // Either side may be the file, or both.
    expect([own.onnxFiles, other.onnxFiles]).toEqual([['compressed'], undefined]);
    const turned = await evaluated(engine, folder, { against: file }, { text });
    expect(turned.dense).toEqual(own.compressed);
    expect(turned.kld!.mean).toBeLessThan(1e-6);
    const itself = await evaluated(engine, file, { against: file }, { text });
    expect([turned.onnxFiles, itself.onnxFiles]).toEqual([['dense'], ['dense', 'compressed']]);
    expect(itself).toMatchObject({ perplexityRatio: 1, kld: { mean: 0 }, topOneAgreement: 1 });
  });
});

describe('a slice block by block is cut again', () => {
  it.skipIf(!goldenModels).each(['llama-gqa', 'opt', 'phi', 'phi3'])(
    'of %s to the bytes that its folder gives',
    async (name) => {
      const engine = await startEngine();
      const decoder = await decoderOf(tinyModel(name));
      const folder = path.join(temporaryFolder(), 'wide');
      const widths = constantConfig(decoder, 56);
      const { sliced } = await slicedInto(folder, { decoder, windows: goldenTokens(name), widths });
      const file = await onnxOf(sliced);
      const text = path.join(tinyModel(name), 'input.tokens.json');
      const cut = async (model: string): Promise<{ output: string; kld: number }> => {
        const output = path.join(temporaryFolder(), 'narrow');
        const made = slicedBy(await engine.run(again(model, output, { evaluation: { text } })), 'per-block');
        expect(made).toMatchObject({ calibration: null, parametersBefore: sliced.model.parameters });
        return { output, kld: made.quality!.kld!.mean };
      };
      const [own, other] = [await cut(file), await cut(folder)];
      expect(own.kld).toBeGreaterThan(1e-3);
      expect(Math.abs(own.kld / other.kld - 1)).toBeLessThan(1e-3);
      for (const part of ['config.json', 'slicing.json']) {
        expect(readFileSync(path.join(own.output, part), 'utf8')).toBe(
          readFileSync(path.join(other.output, part), 'utf8'),
        );
      }
      expect(await weightsOf(own.output, name)).toEqual(await weightsOf(other.output, name));
    },
  );

  it.skipIf(!goldenModels)('not where a weight is not finite, which is named in either form', async () => {
    const engine = await startEngine();
    const { folder, file } = await phiSlice();
    const tensor = 'model.layers.1.mlp.fc1.weight';
    const model = await openModel(folder);
    await model.close();
    spoil(
      path.join(folder, 'model.safetensors'),
      model.tensors.find(({ name }) => name === tensor)!,
    );
    spoil(
      file,
      (await openOnnxModel(file)).weights.find(({ name }) => name === tensor)!,
    );
    for (const source of [folder, file]) {
      const output = path.join(temporaryFolder(), 'x');
      const error = errorOf(await engine.run(again(source, output, { evaluate: false })));
      expect(error).toMatchObject({ code: 'NON_FINITE', details: { path: source, tensor, element: 7 } });
      expect(readdirSync(path.dirname(output))).toEqual([]);
    }
  });

  it.skipIf(!goldenModels)('not over its own weights, and not where the file says two sizes', async () => {
    const engine = await startEngine();
    const { file, decoder } = await phiSlice();
    const folder = temporaryFolder();
    const whole = path.join(folder, 'whole.onnx');
    await writeOnnxModel({ ...ports, decoder, output: whole, type: 'F32', maxEmbeddedBytes: 0 });
    const renamed = path.join(folder, 'renamed.onnx');
    renameSync(whole, renamed);
    const over = errorOf(await engine.run(again(renamed, whole, { force: true, evaluate: false })));
    expect(over).toMatchObject({ code: 'USAGE', message: expect.stringContaining('is the input') as string });
    expect(existsSync(`${whole}.data`)).toBe(true);

    const bytes = readFileSync(file);
    const place = bytes.indexOf('"intermediate_size":');
    bytes.write('9', place + '"intermediate_size":'.length);
    writeFileSync(file, bytes);
    const twice = errorOf(await engine.run(again(file, path.join(folder, 'x'), { evaluate: false })));
    expect(twice).toMatchObject({
      code: 'FILE_MALFORMED',
      message: expect.stringMatching(/intermediateSize of its snug.config.*as its snug.model has it/) as string,
    });
  });

  it.skipIf(!goldenModels)('not along directions that are not sorted, of which inspect says so', async () => {
    const engine = await startEngine();
    const [folder, text] = [temporaryFolder(), path.join(tinyModel('llama-gqa'), 'input.tokens.json')];
    for (const output of ['had', 'had.onnx'].map((name) => path.join(folder, name))) {
      const made = again(tinyModel('llama-gqa'), output, {
        orientation: 'hadamard',
        evaluate: false,
        calibration: { texts: [text] },
      });
      slicedBy(await engine.run(made), 'per-block');
      const { can } = await inspect(output);
      expect(can.slicePerBlock).toContain('--orientation hadamard, which mixes the directions');
    }
  });

  it('with the tokenizer of a folder, which goes along, or of a GGUF, into any form', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const [wide, narrow, file] = ['wide.onnx', 'narrow', 'narrow.onnx'].map((name) => path.join(folder, name)) as [
      string,
      string,
      string,
    ];
    await engine.run({ ...again(sampleModel, wide, { sparsity: 0.1 }), ...quick, evaluate: false });
    expect(await inspect(wide)).toMatchObject({
      can: { slicePerBlock: true, sliceShared: expect.any(String) as string },
    });
    const made = slicedBy(await engine.run(again(wide, narrow, { tokenizer: sampleFolder })), 'per-block');
    const exported = slicedBy(await engine.run(again(wide, file, { tokenizer: sampleModel })), 'per-block');
    expect([made.warnings, exported.warnings]).toEqual([[], []]);
    const byGguf = path.join(folder, 'by-gguf');
    slicedBy(await engine.run(again(wide, byGguf, { tokenizer: sampleModel, evaluate: false })), 'per-block');
    expect((await inspect(byGguf)).tokenizer!.vocabSize).toBe((await inspect(sampleModel)).tokenizer!.vocabSize);
    expect(exported.quality).toEqual(made.quality);
    const evaluation = { ...quick.evaluation, text: 'evaluation' };
    const compared = await evaluated(engine, narrow, { against: wide }, evaluation);
    expect(compared.kld!.mean).toBeCloseTo(made.quality!.kld!.mean, 6);

    const failure = async (...recipe: Parameters<typeof again>) => errorOf(await engine.run(again(...recipe)));
    const output = path.join(folder, 'x');
    expect((await failure(wide, output)).message).toMatch(/has no tokenizer: .* with --tokenizer/);
    expect((await failure(narrow, output, { tokenizer: sampleFolder })).message).toMatch(
      /^--tokenizer is for an \.onnx model/,
    );
    expect((await failure(wide, output, { tokenizer: sampleFolder, sparsity: 0.1 })).message).toMatch(
      /can only become narrower|is wider than/,
    );
  });
});

describe('evaluate on text', () => {
  it('takes the tokenizer of a folder or of a GGUF, and says that it needs one', async () => {
    const engine = await startEngine();
    const file = await onnxOf(await decoderOf(sampleModel));
    const [byFolder, byGguf] = [
      await evaluated(engine, file, { tokenizer: sampleFolder, against: sampleModel }),
      await evaluated(engine, file, { tokenizer: sampleModel }),
    ];
    expect(byFolder.compressed).toEqual(byGguf.compressed);
    expect(byFolder).toMatchObject({ windowTokens: 256, windows: 2, topOneAgreement: 1 });
    expect(byFolder.kld!.mean).toBeLessThan(1e-6);
    const own = await evaluated(engine, sampleModel, {}, { engine: 'onnx' });
    expect(Math.abs(byFolder.compressed.perplexity / own.compressed.perplexity - 1)).toBeLessThan(1e-4);
    // Windows end where the model's context does.
    const long = await evaluated(engine, file, { tokenizer: sampleFolder }, { window: 2048, windows: 1 });
    expect(long.windowTokens).toBe(512);
    expect(errorOf(await engine.run(evaluate(file)))).toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/has no tokenizer: .* with --tokenizer, or give token ids/) as string,
    });
  });
});

describe('an ONNX file is refused', () => {
  it('by what makes something of a model', async () => {
    const engine = await startEngine();
    const model = await onnxOf(await decoderOf(sampleModel));
    const output = path.join(temporaryFolder(), 'x.gguf');
    const target = { kind: 'file', bytes: 5e6 };
    for (const recipe of [
      { verb: 'slice', output, sparsity: 0.2 },
      { verb: 'slice', output: path.join(temporaryFolder(), 'x'), method: 'per-block', sparsity: 0.2 },
      { verb: 'quantize', output, type: 'Q8_0' },
      { verb: 'calibrate', output },
      { verb: 'plan', target },
      { verb: 'fit', target, output },
      { verb: 'invariance' },
      { verb: 'study', kind: 'sparsity', values: ['0.2'] },
    ]) {
      expect(errorOf(await engine.run({ model, ...recipe })), recipe.verb).toMatchObject({
        code: 'USAGE',
        message: expect.stringContaining('Name the folder or GGUF it was made from') as string,
      });
    }
  });

  it('by what cannot run it', async () => {
    const engine = await startEngine();
    const [model, text] = [await onnxOf(await decoderOf(sampleModel)), tokensFile()];
    const quiz = path.join(temporaryFolder(), 'quiz.jsonl');
    writeFileSync(quiz, JSON.stringify({ query: 'a', choices: ['b', 'c'], gold: 0 }));
    const refusal = async (more: object, evaluation: object = {}) =>
      errorOf(await engine.run(evaluate(model, more, { text, ...evaluation })));
    expect(await refusal({ tasks: [quiz] })).toMatchObject({ code: 'USAGE', details: { model } });
    expect(await refusal({ device: 'cuda' })).toMatchObject({ code: 'DEVICE_UNAVAILABLE' });
    expect(await refusal({}, { engine: 'llama.cpp' })).toMatchObject({
      code: 'UNSUPPORTED_ARCHITECTURE',
      message: expect.stringMatching(/Use --engine auto or onnx/) as string,
    });
    const missing = path.join(temporaryFolder(), 'missing.onnx');
    expect(errorOf(await engine.run(evaluate(missing, {}, { text }))).code).toBe('FILE_NOT_FOUND');
    writeFileSync(missing, 'no model');
    expect(errorOf(await engine.run(evaluate(missing, {}, { text }))).code).toBe('FILE_MALFORMED');
  });

  it.skipIf(!goldenModels)('beside a model of another vocabulary, and with tokens that it does not have', async () => {
    const engine = await startEngine();
    const [model, text] = [await onnxOf(await decoderOf(tinyModel('llama-gqa'))), tokensFile()];
    expect(errorOf(await engine.run(evaluate(model, { against: sampleModel }, { text })))).toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/vocabularies of 512 and 4096/) as string,
    });
    const tokenizer = { tokenizer: sampleFolder };
    expect(errorOf(await engine.run(evaluate(model, tokenizer, { window: 64 })))).toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/vocabulary of 512: the tokenizer is that of another model/) as string,
    });
  });

  it.skipIf(!architectures)('beside a model without graphs', async () => {
    const engine = await startEngine();
    const [model, against] = [await onnxOf(await decoderOf(sampleModel)), path.join(architectures!, 'qwen3moe.gguf')];
    expect(errorOf(await engine.run(evaluate(model, { against }, { text: tokensFile() })))).toMatchObject({
      code: 'UNSUPPORTED_ARCHITECTURE',
      message: expect.stringMatching(/Only a model with graphs/) as string,
    });
  });
});
