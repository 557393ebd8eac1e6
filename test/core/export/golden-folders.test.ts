// The golden folders: permutation and rope factors against files of gguf-py, and losses of llama.cpp on the
// converted files against float64 transformers (golden/README.md).
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openModel } from '../../../src-main/core/formats/model-source.ts';
import { createSafetensorsWriter } from '../../../src-main/core/formats/safetensors-writer.ts';
import { fixtures } from '../../support/paths.ts';
import { exact, handlers, mean, plainCaller } from '../../llama-host/host.ts';
import { convert, converted, differingTensors, folderLike, goldenModels, hasAddon } from './folders.ts';

const golden = (name: string): string => path.join(goldenModels!, name);

function json<T>(...parts: string[]): T {
  return JSON.parse(readFileSync(path.join(...parts), 'utf8')) as T;
}

describe.skipIf(goldenModels === null)('golden folders', () => {
  it.each([
    ['llama-gqa', 'llama-gqa-f32.gguf'],
    ['llama3-rope', 'llama3-rope-f32.gguf'],
  ])('%s has the tensors of %s', async (name, file) => {
    const model = await converted(golden(name));
    const reference = await openModel(path.join(fixtures, 'gguf', file));
    try {
      expect(await differingTensors(model, reference)).toEqual([]);
    } finally {
      await reference.close();
    }
  });

  it('shards give the same file as one', async () => {
    const folder = folderLike(golden('qwen2'), { 'model.safetensors': null }, 'qwen2');
    const source = await openModel(golden('qwen2'));
    const writer = await createSafetensorsWriter(folder, source.tensors, { maxShardBytes: 200_000 });
    for (const entry of source.tensors) await writer.writeTensor(entry.name, await source.read(entry));
    expect((await writer.finish()).length).toBeGreaterThan(3);
    await source.close();
    expect(await differingTensors(await converted(folder), await converted(golden('qwen2')))).toEqual([]);
  });

  it.skipIf(!hasAddon).each(['llama-gqa', 'llama-tied', 'llama3-rope', 'mistral', 'qwen2', 'qwen3'])(
    '%s has the loss of the original in llama.cpp',
    async (name) => {
      const { output, hasTokenizer } = await convert(golden(name));
      expect(hasTokenizer).toBe(false);
      const { input_ids: rows } = json<{ input_ids: number[][] }>(golden(name), 'input.tokens.json');
      const expected = json<{ nll_f64: number }>(golden(name), 'dense.json').nll_f64;
      const windows = rows.map((row) => Int32Array.from(row));
      const caller = { signal: plainCaller.signal, progress: (): void => {} };
      const found = await handlers.compare({ reference: null, candidate: output, windows, settings: exact }, caller);
      const loss = mean(found.windows.flatMap(({ candidateNll }) => [...candidateNll]));
      expect(Math.abs(loss - expected)).toBeLessThan(1e-3);
    },
  );

  it('biases of permuted rows are permuted with them', async () => {
    const source = await openModel(golden('llama-gqa'));
    const folder = folderLike(golden('llama-gqa'), { 'model.safetensors': null });
    const bias = { name: 'model.layers.0.self_attn.k_proj.bias', type: 'F32', shape: [32] };
    const writer = await createSafetensorsWriter(folder, [...source.tensors, bias]);
    for (const entry of source.tensors) await writer.writeTensor(entry.name, await source.read(entry));
    // Row r of the matrix has the bias r.
    await writer.writeTensor(bias.name, new Uint8Array(Float32Array.from({ length: 32 }, (_, row) => row).buffer));
    await writer.finish();
    const model = await converted(folder);
    const found = model.tensors.find(({ name }) => name === 'blk.0.attn_k.bias')!;
    const values = [...new Float32Array((await model.read(found)).slice().buffer)];
    expect(values.slice(0, 6)).toEqual([0, 8, 1, 9, 2, 10]);
    expect(values.slice(16, 20)).toEqual([16, 24, 17, 25]);
    await source.close();
  });
});
