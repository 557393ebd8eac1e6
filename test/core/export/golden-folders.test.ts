// The golden folders: permutation and rope factors against files of gguf-py, and losses of llama.cpp on the
// converted files against float64 transformers (golden/README.md).
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openModel } from '../../../src-main/core/formats/model-source.ts';
import { createSafetensorsWriter } from '../../../src-main/core/formats/safetensors-writer.ts';
import { goldenModels, goldenTokens, readJson, tinyModel, tinyModels } from '../../support/golden-models.ts';
import { fixtures } from '../../support/paths.ts';
import { exact, handlers, mean, plainCaller } from '../../llama-host/host.ts';
import { convert, converted, differingTensors, folderLike, hasAddon } from './folders.ts';

const golden = (name: string): string => path.join(goldenModels!, name);

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
});

describe.skipIf(!hasAddon)('tiny models', () => {
  // llama.cpp has no OPT.
  it.each(tinyModels.filter((name) => name !== 'opt'))('%s has the loss of the original in llama.cpp', async (name) => {
    const { output, hasTokenizer } = await convert(tinyModel(name));
    expect(hasTokenizer).toBe(false);
    const windows = goldenTokens(name);
    const expected = readJson<{ nll_f64: number }>(path.join(tinyModel(name), 'dense.json')).nll_f64;
    const caller = { signal: plainCaller.signal, progress: (): void => {} };
    const found = await handlers.compare({ reference: null, candidate: output, windows, settings: exact }, caller);
    const loss = mean(found.windows.flatMap(({ candidateNll }) => [...candidateNll]));
    expect(Math.abs(loss - expected)).toBeLessThan(1e-3);
  });
});
