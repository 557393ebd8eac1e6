// Fetches OpenBLAS (PyPI's scipy-openblas32, BSD-3-Clause: one shared library without dependencies) into
// native/build/openblas: node scripts/openblas.mjs
// Rotations and Grams run several times faster with it, and without it all the same: no outcome of this file is a failure.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Tested with 0.3.34; a later fix of the same series may come. */
const requirement = 'scipy-openblas32~=0.3.34';

/** A slow or missing network must not hold up set-up: pip gets one short try. */
const pipOptions = [
  '--no-deps',
  '--only-binary=:all:',
  '--quiet',
  '--disable-pip-version-check',
  '--retries=0',
  '--timeout=8',
];
const longestMs = 60_000;

const buildFolder = path.resolve(fileURLToPath(import.meta.url), '../../native/build');
const target = path.join(buildFolder, 'openblas');
const wanted = /(openblas[^/\\]*\.(so|dylib|dll)(\.\d+)*|LICENSE[^/\\]*)$/;

function python(...args) {
  const options = { encoding: 'utf8', timeout: longestMs, windowsHide: true };
  const names = [process.env.PYTHON, 'python3', 'python'].filter(Boolean);
  const runs = names.map((name) => () => spawnSync(name, args, options));
  let last;
  for (const run of runs) {
    last = run();
    if (!last.error) break; // it started, so another name is the same Python
  }
  if (last.status === 0) return;
  const lines = (last.stderr ?? '').trim().split('\n');
  throw new Error(
    last.error?.message ?? lines.findLast((line) => line.trim() !== '') ?? `Python ended with ${last.status}`,
  );
}

function fetchLibrary() {
  mkdirSync(buildFolder, { recursive: true });
  const scratch = mkdtempSync(path.join(buildFolder, 'openblas-'));
  try {
    python('-m', 'pip', 'download', ...pipOptions, '--dest', scratch, requirement);
    const wheel = readdirSync(scratch).find((file) => file.endsWith('.whl'));
    if (wheel === undefined) throw new Error('pip left no wheel');
    const unpacked = path.join(scratch, 'unpacked');
    python('-m', 'zipfile', '-e', path.join(scratch, wheel), unpacked);
    const kept = path.join(scratch, 'kept');
    mkdirSync(kept);
    for (const file of readdirSync(unpacked, { recursive: true }).filter((name) => wanted.test(name))) {
      copyFileSync(path.join(unpacked, file), path.join(kept, path.basename(file)));
    }
    renameSync(kept, target);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (!existsSync(target)) {
  try {
    fetchLibrary();
  } catch (error) {
    process.stderr.write(
      `snug: OpenBLAS was not fetched (${error.message}). Snug works without it; rotations take longer. Later: node scripts/openblas.mjs\n`,
    );
  }
}
