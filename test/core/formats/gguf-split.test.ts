import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openGguf } from '../../../src-main/core/formats/gguf-reader.ts';
import { GgufMetadata } from '../../../src-main/core/formats/gguf-values.ts';
import type { GgufValue } from '../../../src-main/core/formats/gguf-values.ts';
import { createGgufWriter, ggufLayout } from '../../../src-main/core/formats/gguf-writer.ts';
import { openModel } from '../../../src-main/core/formats/model-source.ts';
import { fixtures } from '../../support/paths.ts';
import { failureOf, temporaryFolder } from './temporary-folder.ts';

const scratch = temporaryFolder();
const whole = path.join(fixtures, 'gguf/llama-gqa-q8_0.gguf');
let folder = '';
let folders = 0;

function shardPath(number: number): string {
  return path.join(folder, `model-0000${number}-of-00003.gguf`);
}

/** Splits the golden file as llama.cpp's gguf-split does: all metadata in the first file, every third tensor in each. */
async function split(overrides: Record<number, [string, GgufValue][]> = {}): Promise<void> {
  const source = await openGguf(whole);
  for (const shard of [0, 1, 2]) {
    const metadata = shard === 0 ? source.metadata.clone() : new GgufMetadata('shard');
    metadata.set('split.no', { type: 'uint16', value: shard });
    metadata.set('split.count', { type: 'uint16', value: 3 });
    metadata.set('split.tensors.count', { type: 'int32', value: source.tensors.length });
    for (const [key, value] of overrides[shard] ?? []) metadata.set(key, value);
    const tensors = source.tensors.filter((_, index) => index % 3 === shard);
    const writer = await createGgufWriter(shardPath(shard + 1), ggufLayout(metadata, tensors));
    for (const entry of tensors) await writer.writeTensor(entry.name, await source.read(entry));
    await writer.finish();
  }
  await source.close();
}

beforeEach(async () => {
  folders += 1;
  folder = path.join(scratch, String(folders));
  await mkdir(folder);
});

describe('a model in several files', () => {
  it('opens from any of its files as one', async () => {
    await split();
    const source = await openGguf(whole);
    for (const number of [1, 2, 3]) {
      const model = await openGguf(shardPath(number));
      expect(model.path).toBe(shardPath(1));
      expect(model.shards).toHaveLength(3);
      expect([...model.metadata]).toEqual([...source.metadata]);
      expect(model.tensors).toHaveLength(source.tensors.length);
      expect(model.fileBytes).toBeGreaterThan(source.fileBytes);
      for (const entry of source.tensors) {
        const found = model.tensors.find((candidate) => candidate.name === entry.name)!;
        expect(await model.read(found)).toEqual(await source.read(entry));
      }
      await model.close();
    }
    await source.close();
  });

  it('opens by its folder', async () => {
    await split();
    const model = await openModel(folder);
    expect(model).toMatchObject({ path: shardPath(1), config: { hiddenSize: 64, vocabSize: 512 } });
    await model.close();
  });

  it('names a file that is missing', async () => {
    await split();
    await rm(shardPath(2));
    for (const number of [1, 3]) {
      const error = await failureOf(openGguf(shardPath(number)));
      expect(error).toMatchObject({ code: 'FILE_NOT_FOUND', details: { path: shardPath(2), shards: 3 } });
    }
  });

  it('says which file was cut short', async () => {
    await split();
    const bytes = await readFile(shardPath(3));
    await writeFile(shardPath(3), bytes.subarray(0, bytes.length - 100));
    const error = await failureOf(openGguf(shardPath(1)));
    expect(error).toMatchObject({ code: 'FILE_MALFORMED', details: { file: shardPath(3) } });
  });

  it('refuses a file under the name of another', async () => {
    await split();
    await copyFile(shardPath(2), shardPath(3));
    const error = await failureOf(openGguf(shardPath(1)));
    expect(error).toMatchObject({ code: 'FILE_MALFORMED', details: { file: shardPath(3), key: 'split.no' } });
  });

  it('asks for the usual names', async () => {
    await split();
    const renamed = path.join(folder, 'mine.gguf');
    await rename(shardPath(1), renamed);
    const error = await failureOf(openGguf(renamed));
    expect(error).toMatchObject({ code: 'FILE_MALFORMED', details: { file: renamed, where: 'file name' } });
    expect(error.message).toContain('-of-00003.gguf');
  });

  it('refuses sets whose files disagree', async () => {
    await split({ 1: [['split.count', { type: 'uint16', value: 4 }]] });
    expect((await failureOf(openGguf(shardPath(1)))).details).toMatchObject({ file: shardPath(2), key: 'split.count' });
  });

  it('refuses sets with too few tensors', async () => {
    await split({ 0: [['split.tensors.count', { type: 'int32', value: 40 }]] });
    const error = await failureOf(openGguf(shardPath(1)));
    expect(error.details).toMatchObject({ key: 'split.tensors.count', actual: '40' });
    expect(error.message).toContain('39');
  });
});
