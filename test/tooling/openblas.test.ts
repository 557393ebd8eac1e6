// Fetching OpenBLAS never fails set-up, whatever Python and the network do.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { root } from '../support/paths.ts';

let checkout = '';

beforeEach(() => {
  checkout = mkdtempSync(path.join(tmpdir(), 'snug-openblas-'));
  mkdirSync(path.join(checkout, 'scripts'));
  copyFileSync(path.join(root, 'scripts/openblas.mjs'), path.join(checkout, 'scripts/openblas.mjs'));
});

afterEach(() => rmSync(checkout, { recursive: true }));

function fetchOpenBlas(python: string) {
  // No other Python is on the PATH.
  const env = { PYTHON: python, PATH: path.dirname(python) };
  return spawnSync(process.execPath, [path.join(checkout, 'scripts/openblas.mjs')], { env, encoding: 'utf8' });
}

/** A program that plays Python. */
function fakePython(script: string): string {
  const file = path.join(checkout, 'fake-python');
  writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return file;
}

const left = () => readdirSync(path.join(checkout, 'native/build'));

it('says why there is none without Python, and leaves nothing behind', () => {
  const { status, stderr } = fetchOpenBlas('/nowhere/python3');
  expect(status).toBe(0);
  expect(stderr).toMatch(/not fetched \(.*ENOENT.*Snug works without it/);
  expect(left()).toEqual([]);
});

it.runIf(process.platform !== 'win32')('says the last words of pip', () => {
  const { status, stderr } = fetchOpenBlas(fakePython('echo first >&2; echo "No module named pip" >&2; exit 1'));
  expect(status).toBe(0);
  expect(stderr).toMatch(/not fetched \(No module named pip\)/);
  expect(left()).toEqual([]);
});

it('does nothing where a library is already', () => {
  mkdirSync(path.join(checkout, 'native/build/openblas'), { recursive: true });
  const { status, stderr } = fetchOpenBlas('/nowhere/python3');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

it.runIf(process.platform !== 'win32')('keeps the library and its licence of a wheel', () => {
  // Plays both calls: `-m pip download ... --dest FOLDER REQUIREMENT` and `-m zipfile -e WHEEL FOLDER`.
  const script = `
if [ "$2" = pip ]; then for last; do previous=$folder; folder=$last; done; : > "$previous/openblas.whl"; exit; fi
/bin/mkdir -p "$5/package/lib" "$5/package.dist-info"
: > "$5/package/lib/libscipy_openblas.so"; : > "$5/package/lib/cblas.h"; : > "$5/package.dist-info/LICENSE.txt"`;
  expect(fetchOpenBlas(fakePython(script))).toMatchObject({ status: 0, stderr: '' });
  expect(left()).toEqual(['openblas']);
  expect(readdirSync(path.join(checkout, 'native/build/openblas')).toSorted()).toEqual([
    'LICENSE.txt',
    'libscipy_openblas.so',
  ]);
});
