// The library of models as the history knows it: sources, what was made from what, and what is still there.
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { thisProcess } from '../../src-main/core/process-identity.ts';
import { Catalog } from '../../src-main/engine/catalog/catalog.ts';
import { deleteFiles } from '../../src-main/engine/library/delete-files.ts';
import { listModels } from '../../src-main/engine/library/list-models.ts';
import { temporaryFolder } from '../support/engine.ts';
import { addFit, fitRecipe } from '../support/history-runs.ts';

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

  const library = listModels(catalog.history);
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
  const later = listModels(catalog.history);
  expect(later.madeBytes).toBe(0);
  expect(later.models.filter(({ present }) => present).map((model) => model.path)).toEqual([source]);
  expect(later.models).toHaveLength(4);
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
