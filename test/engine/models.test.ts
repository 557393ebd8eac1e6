// The library of models as the history knows it: sources, what was made from what, and what is still there.
import { createHash } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { JobResult } from '../../src-main/contract/job.ts';
import { thisProcess } from '../../src-main/core/process-identity.ts';
import { Catalog } from '../../src-main/engine/catalog/catalog.ts';
import { deleteFiles } from '../../src-main/engine/library/delete-files.ts';
import { listModels } from '../../src-main/engine/library/list-models.ts';
import { inodeOf } from '../../src-main/engine/runners/placed-identity.ts';
import { temporaryFolder } from '../support/engine.ts';
import { addFit, fitRecipe, fitResult } from '../support/history-runs.ts';

it('knows every model once, what it was made from, and what is still there', async () => {
  const folder = temporaryFolder();
  const catalog = await Catalog.open(path.join(folder, 'home'));
  onTestFinished(() => catalog.close());
  const inFolder = (name: string): string => path.join(folder, name);
  const [source, small, smaller] = [inFolder('big.gguf'), inFolder('small.gguf'), inFolder('smaller.gguf')];
  writeFileSync(source, 'weights');
  const run = { type: 'Q8_0', kld: 0.01 };
  addFit(catalog, { ...run, id: 'first', model: source, output: small, fileBytes: 10 });
  addFit(catalog, { ...run, id: 'second', model: source, output: small, fileBytes: 12 }); // written over
  addFit(catalog, { ...run, id: 'third', model: small, output: smaller, fileBytes: 5 });
  addFit(catalog, { ...run, id: 'as it is', model: source, output: source, fileBytes: 7 });
  const gone = inFolder('gone.gguf');
  const asked = {
    recipe: fitRecipe({ model: gone, output: 'o', type: 'Q8_0' }),
    created: '2026-02-02',
    versions: {},
    clonedFrom: null,
  };
  catalog.experiments.add({ id: 'waiting', ...asked }, thisProcess);

  const library = listModels(catalog);
  const byPath = new Map(library.models.map((model) => [model.path, model]));
  expect(library.models).toHaveLength(4);
  expect(library.madeBytes).toBe(17);
  expect(byPath.get(source)).toMatchObject({
    present: true,
    parent: null,
    madeBy: null,
    runs: 3,
    bytes: 34_800_000_000,
  });
  expect(byPath.get(small)).toMatchObject({
    bytes: 12,
    present: true,
    parent: source,
    madeBy: { run: 'second' },
    runs: 1,
  });
  expect(byPath.get(smaller)).toMatchObject({
    bytes: 5,
    parent: small,
    madeBy: { run: 'third', verb: 'fit' },
    loss: 0.01,
  });
  expect(byPath.get(gone)).toMatchObject({ present: false, bytes: null, runs: 1 });

  await deleteFiles(catalog, 'third');
  rmSync(small);
  const later = listModels(catalog);
  expect(later.madeBytes).toBe(0);
  expect(later.models.filter(({ present }) => present).map((model) => model.path)).toEqual([source]);
  expect(later.models).toHaveLength(4);
});

it('knows of a made model whose file is gone that an export still has it', async () => {
  const folder = temporaryFolder();
  const catalog = await Catalog.open(path.join(folder, 'home'));
  onTestFinished(() => catalog.close());
  const [made, shelf] = [path.join(folder, 'made.gguf'), path.join(folder, 'shelf.gguf')];
  addFit(catalog, { id: 'a', model: '/m/big.gguf', type: 'Q8_0', output: made, fileBytes: 10, kld: 0.01 });
  linkSync(made, shelf);
  const inode = inodeOf(statSync(shelf, { bigint: true }));
  const link = { path: shelf, how: 'hard', bytes: 10, inode, modified: null, sha256: null, link: null } as const;
  catalog.installs.add({ run: 'a', file: made, target: folder, files: [link] });
  const heldAt = (): unknown => listModels(catalog).models.find((model) => model.path === made)?.heldAt;

  expect([listModels(catalog).madeBytes, heldAt()]).toEqual([10, null]);
  await deleteFiles(catalog, 'a');
  expect([listModels(catalog).madeBytes, heldAt()]).toEqual([10, shelf]);
  rmSync(shelf);
  expect([listModels(catalog).madeBytes, heldAt()]).toEqual([0, null]);
  writeFileSync(shelf, 'another file');
  expect([listModels(catalog).madeBytes, heldAt()]).toEqual([0, null]);
});

it('tells of a model that is a folder the folder of an export that has every file of it', async () => {
  const folder = temporaryFolder();
  const catalog = await Catalog.open(path.join(folder, 'home'));
  onTestFinished(() => catalog.close());
  const [made, shelf] = [path.join(folder, 'made'), path.join(folder, 'shelf')];
  addFit(catalog, { id: 'a', model: '/m/big', type: 'F16', output: made, fileBytes: 10, kld: 0.01 });
  rmSync(made, { recursive: true });
  mkdirSync(shelf);
  const files = ['config.json', 'model.safetensors'].map((name) => {
    const file = path.join(shelf, name);
    writeFileSync(file, '0123456789');
    const inode = inodeOf(statSync(file, { bigint: true }));
    return { path: file, how: 'hard', bytes: 10, inode, modified: null, sha256: null, link: null } as const;
  });
  catalog.installs.add({ run: 'a', file: made, target: shelf, files });
  const heldAt = (): unknown => listModels(catalog).models.find((model) => model.path === made)?.heldAt;

  expect(heldAt()).toBe(shelf);
  rmSync(files[0]!.path);
  expect([listModels(catalog).madeBytes, heldAt()]).toEqual([0, null]);
});

it('says what the plan of a fit takes on its card, and the tags in use', async () => {
  const folder = temporaryFolder();
  const catalog = await Catalog.open(folder);
  onTestFinished(() => catalog.close());
  addFit(catalog, {
    id: 'a',
    model: 'm.gguf',
    type: 'Q8_0',
    output: path.join(folder, 'o.gguf'),
    fileBytes: 100,
    kld: 0.01,
  });
  catalog.experiments.tag('a', 'laptop');
  catalog.experiments.tag('a', 'good');
  expect(catalog.history.get('a').memory).toMatchObject({ weightsBytes: 100, totalBytes: 100 + 3.5 * 2 ** 30 });
  expect(catalog.history.tags()).toEqual(['good', 'laptop']);
});

it('deletes a folder of several shards by their bytes, and leaves what is the user’s in it', async () => {
  const folder = temporaryFolder();
  const catalog = await Catalog.open(path.join(folder, 'home'));
  onTestFinished(() => catalog.close());
  const output = path.join(folder, 'sliced');
  mkdirSync(output);
  const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  for (const [index, name] of shards.entries()) writeFileSync(path.join(output, name), `shard ${index}`);
  for (const name of ['config.json', 'vocab.json', 'notes.md']) writeFileSync(path.join(output, name), '{}');
  // As sha256sum gives it of the list of both.
  const lines = shards.map((name, index) => `${sha256Of(`shard ${index}`)}  ${name}\n`).join('');
  const run = { id: 'sharded', model: 'm.gguf', type: 'F16', output, fileBytes: 14, kld: 0.01 };
  const recipe = fitRecipe(run);
  catalog.experiments.add({ id: run.id, recipe, created: '2026-01-01', versions: {}, clonedFrom: null }, thisProcess);
  const result = fitResult(run) as Extract<JobResult, { verb: 'fit' }>;
  const value = { ...result.value, output, sha256: sha256Of(lines), companions: { 'config.json': sha256Of('{}') } };
  catalog.experiments.update(run.id, { state: 'done', result: { verb: 'fit', value } });

  writeFileSync(path.join(output, shards[1]!), 'shard 2');
  expect(await deleteFiles(catalog, run.id)).toMatchObject({ deleted: [], kept: [{ path: output }] });
  writeFileSync(path.join(output, shards[1]!), 'shard 1');
  expect(await deleteFiles(catalog, run.id)).toMatchObject({
    deleted: [{ path: output }],
    kept: [{ path: path.join(output, 'vocab.json') }],
  });
  expect(readdirSync(output)).toEqual(['notes.md', 'vocab.json']);
});

it('deletes nothing by a relative path, which an older Snug may have kept', async () => {
  const folder = temporaryFolder();
  const catalog = await Catalog.open(folder);
  onTestFinished(() => catalog.close());
  const output = path.relative(process.cwd(), path.join(folder, 'o.gguf'));
  addFit(catalog, { id: 'a', model: 'm.gguf', type: 'Q8_0', output, fileBytes: 100, kld: 0.01 });
  expect(catalog.history.get('a').artifacts).toMatchObject([{ path: output, present: false }]);
  const { deleted, kept } = await deleteFiles(catalog, 'a');
  expect([deleted, kept.map(({ path: file }) => file)]).toEqual([[], [output]]);
  expect(existsSync(output)).toBe(true);
});

const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');
