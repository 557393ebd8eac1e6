// Per-block slicing from end to end: golden models of other families than llama, in folders that no runner reads; cut,
// evaluated, inspected; what is refused by name.
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { convertFolder } from '../../src-main/core/export/hf-to-gguf/convert-folder.ts';
import { openModel } from '../../src-main/core/formats/model-source.ts';
import { folderLike, folderWithNames } from '../core/export/folders.ts';
import { errorOf, madeIn, perBlock, resultOf, slicedBy, startEngine, temporaryFolder } from '../support/engine.ts';
import { goldenModels, readJson, tinyModel } from '../support/golden-models.ts';

/** On a golden model's own tokens, for calibration and evaluation: as its references were made. */
const golden = (name: string, output: string, more: object = {}): object => {
  const rows = path.join(tinyModel(name), 'input.tokens.json');
  return perBlock(tinyModel(name), output, {
    calibration: { texts: [rows] },
    evaluation: { text: rows, allowSameText: true },
    ...more,
  });
};

describe.skipIf(goldenModels === null)('golden models', () => {
  test.each(['llama-gqa', 'opt', 'phi', 'phi3'])(
    '%s, a quarter narrower, has the reference loss and count',
    async (name) => {
      const engine = await startEngine();
      const folder = temporaryFolder();
      const output = path.join(folder, 'sliced');
      const correct = readJson<{ nll_dense: number; nll_sliced: number; params_sliced: number }>(
        path.join(tinyModel(name), 'correct.json'),
      );
      const result = slicedBy(await engine.run(golden(name, output)), 'per-block');
      expect(Math.log(result.quality!.compressed.perplexity)).toBeCloseTo(correct.nll_sliced, 4);
      expect(Math.log(result.quality!.dense!.perplexity)).toBeCloseTo(correct.nll_dense, 4);
      expect(result.parametersAfter).toBe(correct.params_sliced);
      expect(result.invariance).toMatchObject({ passed: true });
      expect(madeIn(folder)).toEqual(['sliced']);

      const inspection = await engine.call.inspect({ model: output }, {} as never);
      expect(inspection).toMatchObject({
        ...{ format: 'sliced', parameters: result.parametersAfter, widths: result.widths },
        can: { slicePerBlock: true, quantize: expect.stringContaining('shortcut matrices') as string },
      });
      const { evaluation } = golden(name, output) as { evaluation: object };
      const evaluated = resultOf(
        await engine.run({ verb: 'evaluate', model: output, against: tinyModel(name), evaluation }),
        'evaluate',
      );
      expect(evaluated).toMatchObject({
        engine: 'onnx',
        kld: result.quality!.kld,
        compressed: result.quality!.compressed,
      });
    },
  );

  test.each(['opt', 'llama-gqa'])('%s saved without the name of its base model is the same', async (name) => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const [whole, bare] = [path.join(folder, 'whole'), path.join(folder, 'bare')];
    const found = slicedBy(await engine.run(golden(name, whole)), 'per-block');
    const model = await folderWithNames(tinyModel(name), (tensor) => tensor.replace(/^model\./, ''));
    const same = slicedBy(await engine.run({ ...golden(name, bare), model }), 'per-block');
    expect(same).toMatchObject({ sha256: found.sha256, quality: found.quality, invariance: { passed: true } });
  });

  test.each(['phi3', 'mistral'])('of a %s with a sliding window every window is cut to it', async (name) => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const windowed = folderLike(tinyModel(name), { 'config.json': { sliding_window: 32 } });
    const rows = path.join(tinyModel(name), 'input.tokens.json');
    const run = async (model: string, calibration: object, evaluation: object) => {
      const recipe = perBlock(model, path.join(folder, path.basename(path.dirname(model))), {
        calibration: { texts: [rows], ...calibration },
        evaluation: { text: rows, allowSameText: true, ...evaluation },
      });
      return slicedBy(await engine.run(recipe), 'per-block');
    };
    const found = await run(windowed, {}, {});
    const asked = await run(tinyModel(name), { length: 32 }, { window: 32 });
    expect(found.invariance).toMatchObject({ passed: true });
    expect(found.calibration!.tokens).toBe(found.calibration!.samples * 32);
    expect(found.calibration).toEqual(asked.calibration);
    expect(found.quality!.compressed).toEqual(asked.quality!.compressed);
  });

  test.each(['llama-gqa', 'qwen2', 'qwen3', 'phi', 'phi3'])('%s from a GGUF is as from its folder', async (name) => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const gguf = path.join(folder, 'model.gguf');
    const source = await openModel(tinyModel(name));
    await convertFolder({ source, output: gguf, signal: new AbortController().signal, progress: () => {} });
    await source.close();
    const { nll_sliced } = readJson<{ nll_sliced: number }>(path.join(tinyModel(name), 'correct.json'));
    const recipe = golden(name, path.join(folder, 'sliced'), { model: gguf });
    const result = slicedBy(await engine.run(recipe), 'per-block');
    expect(Math.log(result.quality!.compressed.perplexity)).toBeCloseTo(nll_sliced, 4);
  });

  test('a model without a GGUF form is checked for invariance and evaluated as it is', async () => {
    const engine = await startEngine();
    const model = tinyModel('opt');
    const evaluation = { text: path.join(model, 'input.tokens.json') };
    const found = resultOf(await engine.run({ verb: 'invariance', model, evaluation }), 'invariance');
    expect(found.passed).toBe(true);
    expect(found.perplexityAfter).toBeCloseTo(found.perplexityBefore, 2);
    expect(resultOf(await engine.run({ verb: 'evaluate', model, evaluation }), 'evaluate').engine).toBe('onnx');
    const inLlama = { verb: 'evaluate', model, evaluation: { ...evaluation, engine: 'llama.cpp' } };
    expect(errorOf(await engine.run(inLlama)).message).toContain('--engine auto or onnx');
  });

  test('post-norm models and those sliced before are refused by name', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const gemma = errorOf(await engine.run(golden('gemma3_text', path.join(folder, 'out'))));
    expect(gemma.message).toContain('no rotation passes them');
    const sliced = path.join(folder, 'sliced');
    slicedBy(await engine.run(golden('llama-gqa', sliced)), 'per-block');
    const shared = golden('llama-gqa', path.join(folder, 'out'), { model: sliced, method: 'shared' });
    expect(errorOf(await engine.run(shared)).message).toContain('sliced block by block');
    for (const recipe of [
      shared,
      { verb: 'invariance', model: sliced },
      { verb: 'study', kind: 'sparsity', model: sliced },
    ]) {
      const { code, message } = errorOf(await engine.run(recipe));
      expect({ code, message }).toEqual({
        code: 'UNSUPPORTED_ARCHITECTURE',
        message: `${sliced} was sliced block by block, so its rotations are in it already: name the dense model that it was made of. What can be cut further is cut by \`snug slice --method per-block\`.`,
      });
    }
    const opt = errorOf(await engine.run(golden('opt', path.join(folder, 'out'), { method: 'shared' })));
    expect(opt.message).toContain('`snug slice --method per-block`');
    const quantized = { verb: 'quantize', model: sliced, type: 'Q8_0', output: path.join(folder, 'q.gguf') };
    expect(errorOf(await engine.run(quantized)).message).toContain('shortcut matrices');
    expect(existsSync(path.join(folder, 'out'))).toBe(false);

    const config = path.join(sliced, 'config.json');
    writeFileSync(config, JSON.stringify({ ...readJson<object>(config), hidden_act: 'gelu' }));
    const evaluation = { text: path.join(tinyModel('llama-gqa'), 'input.tokens.json') };
    const gelu = errorOf(await engine.run({ verb: 'evaluate', model: sliced, evaluation }));
    expect(gelu).toMatchObject({ code: 'UNSUPPORTED_ARCHITECTURE' });
    expect(gelu.message).toMatch(/gelu/i);
    expect(gelu.message).not.toContain('shortcut matrices');
  });

  test('the switches of the released code reach the model', async () => {
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'sliced');
    const official = readJson<{ nll_sliced_f64: number }>(path.join(tinyModel('llama-gqa'), 'official.json'));
    const result = slicedBy(await engine.run(golden('llama-gqa', output, { paperCompat: true })), 'per-block');
    expect(Math.log(result.quality!.compressed.perplexity)).toBeCloseTo(official.nll_sliced_f64, 4);
  });
});
