// What `inspect` says can be done with a model, and why the rest cannot: from headers alone.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { graphRefusal } from '../../src-main/core/architectures/graph-refusal.ts';
import { folderOf, openModel } from '../../src-main/core/formats/model-source.ts';
import { inspect } from '../../src-main/engine/library/inspect.ts';
import type { Inspection } from '../../src-main/contract/model.ts';
import { goldenModels, tinyModel } from '../support/golden-models.ts';
import { withMetadata } from '../support/broken-models.ts';
import { temporaryFolder } from '../support/engine.ts';
import { architectures, sampleFolder, sampleModel } from '../support/paths.ts';

describe('slicing by a shared rotation', () => {
  it.each([sampleModel, sampleFolder])('is offered for %s', async (model) => {
    expect((await inspect(model)).can).toMatchObject({ sliceShared: true, quantize: true });
  });

  it('is refused by the name of what has no graph, which does not stop other commands', async () => {
    const model = path.join(temporaryFolder(), 'yarn.gguf');
    await withMetadata(sampleModel, model, (metadata) => {
      metadata.set('llama.rope.scaling.type', { type: 'string', value: 'yarn' });
    });
    const { can } = await inspect(model);
    expect(can.sliceShared).toContain('YaRN scaling');
    expect(can.quantize).toBe(true);
  });

  it.skipIf(architectures === null)('is refused with the families that have graphs', async () => {
    const { can } = await inspect(path.join(architectures!, 'qwen3moe.gguf'));
    expect(can.sliceShared).toContain('"qwen3moe", for which Snug has no graphs; it has them for llama, mistral');
  });

  it.skipIf(goldenModels === null)('is told apart from having graphs and from conversion', async () => {
    const can = async (name: string): Promise<Inspection['can']> => (await inspect(tinyModel(name))).can;
    expect(await can('phi3')).toMatchObject({ sliceShared: true, quantize: true });
    const phi = await can('phi');
    expect(phi.sliceShared).toContain('LayerNorms');
    expect(phi.quantize).toBe(true);
    const opt = await can('opt');
    expect(opt.sliceShared).toContain('LayerNorms');
    expect(opt.quantize).toContain('does not convert to GGUF');
    expect((await can('gemma3_text')).sliceShared).toContain('norms behind its output projections');
  });

  it('is refused for a folder that cannot be converted', async () => {
    const folder = path.join(temporaryFolder(), 'model');
    mkdirSync(folder);
    symlinkSync(path.join(sampleFolder, 'model.safetensors'), path.join(folder, 'model.safetensors'));
    const config = JSON.parse(readFileSync(path.join(sampleFolder, 'config.json'), 'utf8')) as object;
    writeFileSync(
      path.join(folder, 'config.json'),
      JSON.stringify({ ...config, quantization_config: { quant_method: 'gptq' } }),
    );
    const { can } = await inspect(folder);
    expect(can.sliceShared).toContain('quantised already (gptq)');
    expect(can.quantize).toBe(can.sliceShared);
  });
});

it('only an answer about the model is a reason; a mistake of ours stays an error', async () => {
  const model = await openModel(sampleModel);
  expect(graphRefusal(model)).toBeNull();
  expect(() => graphRefusal({ ...model, tensors: null as never })).toThrow(TypeError);
  const torn = model.tensors.filter(({ name }) => name !== 'blk.3.ffn_up.weight');
  expect(() => graphRefusal({ ...model, tensors: torn })).toThrow('blk.3.ffn_up.weight');
  await model.close();
});

it('a folder whose name ends in .safetensors is a folder', async () => {
  const folder = path.join(temporaryFolder(), 'model.safetensors');
  symlinkSync(sampleFolder, folder);
  expect(folderOf(folder)).toBe(folder);
  expect(folderOf(path.join(folder, 'model.safetensors'))).toBe(folder);
  expect((await inspect(folder)).can).toMatchObject({ sliceShared: true, quantize: true });
});
