// The dense F16 form of the real 135M model, made once per machine: size against quality is only fair on weights that
// are not on a quantised grid already. Needs the reference data, and Python packages that it fetches itself.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeDense, realModel } from './paths.ts';

const folder = path.join(tmpdir(), 'snug-test-models');
const packages = path.join(folder, 'python');

/** Path of the dense model, or null where it cannot be made (then tests that need it are skipped). */
export function denseModel(): string | null {
  if (realModel === null || makeDense === null) return null;
  const file = path.join(folder, 'smollm2-135m-dense.F16.gguf');
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  const env = { ...process.env, PYTHONPATH: packages };
  if (spawnSync('python3', ['-c', 'import gguf, numpy'], { env }).status !== 0) {
    const installed = spawnSync('python3', ['-m', 'pip', 'install', '--quiet', '--target', packages, 'gguf', 'numpy'], {
      stdio: 'ignore',
    });
    if (installed.status !== 0) return null;
  }
  const unfinished = `${file}.${process.pid}`;
  if (spawnSync('python3', [makeDense, realModel, unfinished], { env, stdio: 'ignore' }).status !== 0) return null;
  renameSync(unfinished, file);
  return file;
}
