import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { GgufMetadata } from '../../../src-main/core/formats/gguf-values.ts';
import { createGgufWriter, ggufLayout } from '../../../src-main/core/formats/gguf-writer.ts';
import { openModel } from '../../../src-main/core/formats/model-source.ts';
import { goldenModels, tinyModel } from '../../support/golden-models.ts';
import { fixtures, sampleFolder, sampleModel } from '../../support/paths.ts';
import { failureOf, sha256, temporaryFolder } from './temporary-folder.ts';

const scratch = temporaryFolder();
const golden = path.join(fixtures, 'gguf/llama-gqa-q8_0.gguf');
const hostile = path.join(fixtures, 'hostile');
let folder = '';
let folders = 0;

beforeEach(async () => {
  folders += 1;
  folder = path.join(scratch, String(folders));
  await mkdir(folder);
});

describe('openModel', () => {
  it('describes the two forms of one model alike', async () => {
    const gguf = await openModel(sampleModel);
    const hf = await openModel(sampleFolder);
    expect(gguf.kind).toBe('gguf');
    expect(hf.kind).toBe('safetensors');
    expect(gguf.gguf?.metadata.string('general.architecture')).toBe('llama');
    expect(hf.config).toEqual(gguf.config);
    expect(hf.config).toMatchObject({ hiddenSize: 256, numHiddenLayers: 6, numKeyValueHeads: 4, vocabSize: 4096 });
    expect(hf.parameters).toBe(6819072);
    expect(gguf.parameters).toBe(hf.parameters);
    expect([hf.experts, gguf.experts]).toEqual([null, null]);
    const embedding = hf.tensors.find((entry) => entry.name === 'model.embed_tokens.weight')!;
    expect(embedding.shape).toEqual([256, 4096]);
    const same = gguf.tensors.find((entry) => entry.name === 'token_embd.weight')!;
    expect(sha256(await hf.read(embedding))).toBe(sha256(await gguf.read(same)));
    await gguf.close();
    await hf.close();
  });

  it('opens a safetensors file that has its config beside it', async () => {
    const model = await openModel(path.join(sampleFolder, 'model.safetensors'));
    expect(model).toMatchObject({ kind: 'safetensors', config: { architecture: 'llama' } });
    await model.close();
  });

  it('opens a folder with one GGUF model, beside its projector and later shards', async () => {
    await copyFile(golden, path.join(folder, 'model.gguf'));
    for (const name of ['mmproj-model.gguf', 'big-00002-of-00002.gguf']) await writeFile(path.join(folder, name), '');
    const model = await openModel(folder);
    expect(model.path).toBe(path.join(folder, 'model.gguf'));
    await model.close();
  });

  it('opens a GGUF file without an extension, as download caches have', async () => {
    const blob = path.join(folder, 'sha256-0123');
    await copyFile(golden, blob);
    const model = await openModel(blob);
    expect(model.config.hiddenSize).toBe(64);
    await model.close();
  });

  it('asks which of several models is meant', async () => {
    for (const name of ['b.gguf', 'a.gguf']) await copyFile(golden, path.join(folder, name));
    expect(await failureOf(openModel(folder))).toMatchObject({
      code: 'USAGE',
      details: { models: ['a.gguf', 'b.gguf'] },
    });
  });

  it('says what is missing', async () => {
    const nowhere = path.join(folder, 'nowhere');
    expect(await failureOf(openModel(nowhere))).toMatchObject({ code: 'FILE_NOT_FOUND', details: { path: nowhere } });
    const none = { code: 'FILE_NOT_FOUND', details: { path: folder, missing: 'model' } };
    expect(await failureOf(openModel(folder))).toMatchObject(none);
    await writeFile(path.join(folder, 'pytorch_model.bin'), '');
    expect((await failureOf(openModel(folder))).message).toContain('convert it to safetensors');
    await copyFile(path.join(hostile, 'ok.safetensors'), path.join(folder, 'model.safetensors'));
    const config = path.join(folder, 'config.json');
    expect(await failureOf(openModel(folder))).toMatchObject({ code: 'FILE_NOT_FOUND', details: { path: config } });
    await copyFile(path.join(hostile, 'ok.config.json'), config);
    await (await openModel(folder)).close();
  });

  it('refuses files that hold no model', async () => {
    const text = path.join(folder, 'notes.txt');
    for (const content of ['', 'some text']) {
      await writeFile(text, content);
      expect(await failureOf(openModel(text))).toMatchObject({ code: 'FILE_MALFORMED', details: { file: text } });
    }
    const metadata = new GgufMetadata('m').set('general.type', { type: 'string', value: 'imatrix' });
    const importance = path.join(folder, 'importance.gguf');
    await (await createGgufWriter(importance, ggufLayout(metadata, []))).finish();
    const error = await failureOf(openModel(importance));
    expect(error).toMatchObject({ code: 'UNSUPPORTED_ARCHITECTURE', details: { type: 'imatrix' } });
  });
});

it.skipIf(!goldenModels)('divisors of rotary frequencies are no parameters', async () => {
  const models = [path.join(fixtures, 'gguf/llama3-rope-f32.gguf'), tinyModel('llama3-rope')];
  const counts = await Promise.all(
    models.map(async (name) => {
      const model = await openModel(name);
      await model.close();
      return model.parameters;
    }),
  );
  expect(counts).toEqual([162_240, 162_240]);
});
