// The check of a rotation finds what it is for: a tensor that was turned wrongly, a number that is none.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Decoder } from '../../../src-main/core/architectures/decoder.ts';
import type { LinearAlgebra } from '../../../src-main/core/linear-algebra/linear-algebra.ts';
import { checkInvariance } from '../../../src-main/core/slicing/invariance.ts';
import path from 'node:path';
import { convert, folderLike } from '../export/folders.ts';
import { sampleFolder } from '../../support/paths.ts';
import { goldenModels, goldenTokens, otherLayouts, readJson } from '../../support/golden-models.ts';
import { decoderOf } from '../../support/graph-runs.ts';
import { golden, ports, spoiledRuns } from '../../support/slicing.ts';

/** The rotated model, for which linear algebra is called, reads `tensor` times `factor`; the dense one before it as it is. */
function spoiling(
  decoder: Decoder,
  tensor: string,
  factor: number,
): { decoder: Decoder; linearAlgebra: LinearAlgebra } {
  const { model } = decoder;
  expect(model.tensors.map(({ name }) => name)).toContain(tensor);
  let isRotating = false;
  const qr: LinearAlgebra['qr'] = (problem, signal) => {
    isRotating = true;
    return ports.linearAlgebra.qr(problem, signal);
  };
  const readInto: typeof model.readInto = async (entry, target, offset = 0) => {
    await model.readInto(entry, target, offset);
    if (!isRotating || entry.name !== tensor) return;
    expect(entry.type).toBe('F32');
    const values = new Float32Array(target.buffer, target.byteOffset, target.length / 4);
    values.forEach((value, index) => (values[index] = value * factor));
  };
  const read: typeof model.read = async (entry, offset = 0, length = entry.bytes - offset) => {
    const target = new Uint8Array(length);
    await readInto(entry, target, offset);
    return target;
  };
  return {
    decoder: { ...decoder, model: { ...model, read, readInto } },
    linearAlgebra: { ...ports.linearAlgebra, qr },
  };
}

describe.skipIf(!goldenModels)('invariance', () => {
  test.each([
    ['model.layers.1.self_attn.o_proj.weight', 1.05],
    ['model.layers.0.mlp.up_proj.weight', 0.95],
    ['model.embed_tokens.weight', 1.05],
    ['lm_head.weight', -1],
  ])('%s times %d does not pass', async (tensor, factor) => {
    const [decoder, windows] = [await decoderOf(golden('llama-gqa')), goldenTokens('llama-gqa')];
    const found = await checkInvariance({ ...ports, ...spoiling(decoder, tensor, factor), windows });
    expect(found.passed).toBe(false);
    expect(found.largestLogitChange).toBeGreaterThan(found.tolerance);
  });

  // The paper's first experiment: a rotated OPT is the same model.
  test.each(otherLayouts)('a rotation alone does not change %s', async (name) => {
    const [decoder, windows] = [await decoderOf(golden(name)), goldenTokens(name)];
    const found = await checkInvariance({ ...ports, decoder, windows });
    expect(found.passed).toBe(true);
    expect(found.largestLogitChange).toBeLessThan(1e-5 * found.largestLogit);
    expect(found.perplexityBefore).toBeCloseTo(
      Math.exp(readJson<{ nll_f64: number }>(path.join(golden(name), 'dense.json')).nll_f64),
      2,
    );
    expect(Math.abs(found.perplexityAfter / found.perplexityBefore - 1)).toBeLessThan(1e-5);
  });

  test.each([
    ['opt', 'model.decoder.layers.1.self_attn.out_proj.weight', 1.05],
    ['opt', 'model.decoder.layers.2.fc2.bias', -1],
    ['opt', 'model.decoder.embed_positions.weight', 1.05],
    ['phi', 'model.layers.0.mlp.fc1.weight', 0.95],
    ['phi', 'model.layers.3.self_attn.dense.bias', 0],
  ])('%s: %s times %d does not pass', async (name, tensor, factor) => {
    const [decoder, windows] = [await decoderOf(golden(name)), goldenTokens(name)];
    const found = await checkInvariance({ ...ports, ...spoiling(decoder, tensor, factor), windows });
    expect(found.passed).toBe(false);
  });

  test('a tokenizer that no GGUF could have does not matter', async () => {
    const tokenizer = readFileSync(path.join(sampleFolder, 'tokenizer.json'));
    const folder = folderLike(golden('llama-gqa'), { 'tokenizer.json': tokenizer });
    await expect(convert(folder)).rejects.toThrow(/tokenizer/);
    const decoder = await decoderOf(folder);
    expect(await checkInvariance({ ...ports, decoder, windows: goldenTokens('llama-gqa') })).toMatchObject({
      passed: true,
    });
  });

  test('windows that predict nothing are refused', async () => {
    const decoder = await decoderOf(golden('llama-gqa'));
    for (const windows of [[], [Int32Array.of(1)]]) {
      await expect(checkInvariance({ ...ports, decoder, windows })).rejects.toMatchObject({ code: 'USAGE' });
    }
  });

  test('NaN in a pass is an error that names the model', async () => {
    const [decoder, windows] = [await decoderOf(golden('llama-gqa')), goldenTokens('llama-gqa')];
    const runtime = spoiledRuns((found) => {
      for (const name of Object.keys(found)) if (name.endsWith('logits')) found[name]!.fill(NaN, 3, 4);
    });
    await expect(checkInvariance({ ...ports, decoder, windows, runtime })).rejects.toMatchObject({
      code: 'NON_FINITE',
      details: { path: decoder.model.path, value: 'NaN' },
    });
  });
});
