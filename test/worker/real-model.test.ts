// A real model of 135M weights, made dense (makeDense) so that its weights lie on no grid: bytes against llama.cpp's
// own quantiser. Without the script's Python packages the quantised file is expanded to F16 instead.
import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { findMix } from '../../src-main/core/quantization/mixes.ts';
import { makeDense, realModel } from '../support/paths.ts';
import { expectSameBytes } from './byte-cases.ts';
import { makeImportance, quantizeReference, temporaryFolder } from './quantize-oracle.ts';

const folder = temporaryFolder();
let model: string;
let importance: string;

describe.skipIf(realModel === null)('a real model', () => {
  beforeAll(async () => {
    model = await denseModel();
    importance = await makeImportance(model, folder);
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(['Q8_0', 'Q4_K_M'])('%s without importance', (name) =>
    expectSameBytes(model, folder, { ...findMix(name), pure: false }, null),
  );
  it('Q4_K_M with importance', () => expectSameBytes(model, folder, { ...findMix('Q4_K_M'), pure: false }, importance));
  it(
    'IQ2_XS with importance',
    () => expectSameBytes(model, folder, { ...findMix('IQ2_XS'), pure: false }, importance),
    600_000,
  );
});

/** Kept in the system's temporary folder for the next run. */
async function denseModel(): Promise<string> {
  const dense = path.join(tmpdir(), 'snug-dense-135m.gguf');
  if (existsSync(dense)) return dense;
  const unfinished = path.join(folder, 'dense.gguf');
  const python = process.env['SNUG_PYTHON'] ?? 'python3';
  const made = makeDense !== null && spawnSync(python, [makeDense, realModel!, unfinished]).status === 0;
  if (!made) {
    const expanded = path.join(folder, 'expanded.gguf');
    await quantizeReference({ input: realModel!, output: expanded, fileType: findMix('F16').fileType });
    return expanded;
  }
  renameSync(unfinished, dense);
  return dense;
}
