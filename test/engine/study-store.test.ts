// Rows of studies on disk: side by side from two runs, kept until they are replaced, put aside where they are damaged.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { StudyStore, type KeptRow } from '../../src-main/engine/library/study-store.ts';
import { temporaryFolder } from '../support/engine.ts';

const rowOf = (key: string, value: number): KeptRow => ({
  ...{ key, row: { value }, eigenvalues: null },
  dense: { perplexity: 2, standardError: 0.1 },
});

function storeIn(home: string, again = false): { store: StudyStore; warnings: string[] } {
  const warnings: string[] = [];
  return { store: new StudyStore(home, 'study', { again, warn: (warning) => warnings.push(warning) }), warnings };
}

test('two runs at once lose no row of each other', async () => {
  const home = temporaryFolder();
  const stores = [storeIn(home).store, storeIn(home).store];
  await Promise.all(stores.flatMap((store, run) => [0, 1, 2].map((row) => store.keep(rowOf(`${run} ${row}`, row)))));
  const { store } = storeIn(home);
  for (const key of ['0 0', '0 1', '0 2', '1 0', '1 1', '1 2']) expect(await store.find(key)).toMatchObject({ key });
});

test('again: an old row is not found, and stays until it is kept anew', async () => {
  const home = temporaryFolder();
  await storeIn(home).store.keep(rowOf('a', 1));
  await storeIn(home).store.keep(rowOf('b', 1));
  const { store } = storeIn(home, true);
  expect(await store.find('a')).toBeNull();
  await store.keep(rowOf('a', 2));
  expect(await store.find('a')).toEqual(rowOf('a', 2));
  expect(await storeIn(home).store.find('a')).toEqual(rowOf('a', 2));
  expect(await storeIn(home).store.find('b')).toEqual(rowOf('b', 1));
});

test.each(['{"key": "a", "row"', '{"key": "a"}', JSON.stringify(rowOf('b', 1))])(
  'a file that holds %s is put aside with a warning',
  async (text) => {
    const home = temporaryFolder();
    await storeIn(home).store.keep(rowOf('a', 1));
    const folder = path.join(home, 'studies', 'study');
    const [name] = readdirSync(folder) as [string];
    writeFileSync(path.join(folder, name), text);
    const { store, warnings } = storeIn(home);
    expect(await store.find('a')).toBeNull();
    await store.keep(rowOf('a', 2));
    const [, aside] = readdirSync(folder).sort();
    expect(aside).toContain('.damaged-');
    expect(warnings).toEqual([expect.stringContaining(aside!)]);
    expect(await store.find('a')).toEqual(rowOf('a', 2));
  },
);

test('a file that cannot be read for another reason is an error', async () => {
  const home = temporaryFolder();
  await storeIn(home).store.keep(rowOf('a', 1));
  const folder = path.join(home, 'studies', 'study');
  const file = path.join(folder, readdirSync(folder)[0]!);
  rmSync(file);
  mkdirSync(file);
  await expect(storeIn(home).store.find('a')).rejects.toThrow(/EISDIR|directory/);
});
