// Biases of linears on the way to GGUF: permuted with their rows, and refused where llama.cpp's loader refuses them.
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { graphRefusal } from '../../../src-main/core/architectures/graph-refusal.ts';
import { createGgufWriter, ggufLayout } from '../../../src-main/core/formats/gguf-writer.ts';
import { exact, failureOf, handlers, plainCaller } from '../../llama-host/host.ts';
import { furthest, goldenModels } from '../../support/golden-models.ts';
import { decoderOf, modelOf, run } from '../../support/graph-runs.ts';
import { convert, converted, folderWithVectors, hasAddon, newPath } from './folders.ts';

const golden = (name: string): string => path.join(goldenModels!, name);

/** Biases of a layer of the golden qwen3, whose sizes are 64 hidden, 4 and 2 heads of 32. */
const qwen3Bias = (linear: 'q' | 'k' | 'v' | 'o'): [string, Float32Array] => [
  `model.layers.1.self_attn.${linear}_proj.bias`,
  Float32Array.from({ length: linear === 'q' ? 128 : 64 }, (_, row) => Math.sin(row + linear.charCodeAt(0))),
];

describe.skipIf(goldenModels === null)('biases', () => {
  it('biases of permuted rows are permuted with them', async () => {
    // Row r of the matrix has the bias r.
    const bias = Float32Array.from({ length: 32 }, (_, row) => row);
    const folder = await folderWithVectors(golden('llama-gqa'), { 'model.layers.0.self_attn.k_proj.bias': bias });
    const model = await converted(folder);
    const found = model.tensors.find(({ name }) => name === 'blk.0.attn_k.bias')!;
    const values = [...new Float32Array((await model.read(found)).slice().buffer)];
    expect(values.slice(0, 6)).toEqual([0, 8, 1, 9, 2, 10]);
    expect(values.slice(16, 20)).toEqual([16, 24, 17, 25]);
  });

  it('qwen3 with an output-projection bias is refused, as llama.cpp refuses the file', async () => {
    const folder = await folderWithVectors(golden('qwen3'), Object.fromEntries([qwen3Bias('o')]));
    const refused = { code: 'UNSUPPORTED_ARCHITECTURE', details: { tensor: 'model.layers.1.self_attn.o_proj.bias' } };
    expect(await failureOf(() => convert(folder))).toMatchObject(refused);
    expect(graphRefusal(await modelOf(folder))).toContain('model.layers.1.self_attn.o_proj.bias has no part');
  });

  it.skipIf(!hasAddon)('llama.cpp refuses a file of qwen3 with an output-projection bias', async () => {
    const model = await converted(golden('qwen3'));
    const output = newPath('biased.gguf');
    const bias = { name: 'blk.1.attn_output.bias', type: 'F32', shape: [64] };
    const writer = await createGgufWriter(output, ggufLayout(model.gguf!.metadata, [...model.tensors, bias]));
    for (const tensor of model.tensors) await writer.writeTensor(tensor.name, await model.read(tensor));
    await writer.writeTensor(bias.name, new Uint8Array(64 * 4));
    await writer.finish();
    const request = { model: output, tokens: Int32Array.of(1, 2), positions: [0], settings: exact };
    expect((await failureOf(() => handlers.logProbs(request, plainCaller))).message).toMatch(/wrong number of tensors/);
  });

  it.skipIf(!hasAddon)('qwen3 with biases on q, k and v is the same to our graphs and to llama.cpp', async () => {
    const vectors = Object.fromEntries((['q', 'k', 'v'] as const).map(qwen3Bias));
    const { output } = await convert(await folderWithVectors(golden('qwen3'), vectors));
    const decoder = await decoderOf(output);
    expect([...decoder.layers[1]!.keys()]).toContain('kBias');
    const tokens = Int32Array.from({ length: 24 }, (_, index) => (index * 37 + 5) % 256);
    const positions = [0, 11, 23];
    const wanted = positions.map((position) => ({ window: 0, position }));
    const { rows } = await run(decoder, [tokens], { nll: false, positions: wanted });
    const found = await handlers.logProbs({ model: output, tokens, positions, settings: exact }, plainCaller);
    expect(furthest(rows, found.logProbs)).toBeLessThan(1e-3);
  });
});
