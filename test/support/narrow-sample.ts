// The sample model sliced to 160 of its 256 columns: a real model whose rows are no multiple of 256.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import type { FitResult } from '../../src-main/contract/results.ts';
import { statisticsFiles } from '../../src-main/core/calibration/saved-statistics.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { someTokens } from '../llama-host/host.ts';
import { quiet } from '../worker/quantize-oracle.ts';
import { quick, resultOf, startEngine, temporaryFolder } from './engine.ts';
import { sampleModel } from './paths.ts';

/** Path of the F16 file; gone after the tests of the file that asks. */
async function narrowSample(): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'snug-narrow-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const output = path.join(folder, 'narrow.F16.gguf');
  const windows = [1, 2].map((seed) => someTokens(128, seed));
  const settings = { fingerprint: 'none', threads: 1, provider: 'cpu', spectra: false } as const;
  await handlers.blockStatistics({ source: sampleModel, windows, folder, datasets: [], ...settings }, quiet);
  const form = { width: 160, orientation: 'pca', seed: 0, type: 'F16', types: null, fileType: null } as const;
  const rest = { importance: null, precision: 'fp64', threads: 1 } as const;
  await handlers.sliceShared(
    { source: sampleModel, gram: statisticsFiles(folder).gram, output, ...form, ...rest },
    quiet,
  );
  return output;
}

export const fileOf = (bytes: number): object => ({ target: { kind: 'file', bytes } });

/** Fits of the narrow sample, made once for the file that asks, in an engine each. */
export function narrowFits(): { fit: (recipe: object) => Promise<FitResult> } {
  const narrow = narrowSample();
  return {
    async fit(recipe) {
      const engine = await startEngine();
      const output = path.join(temporaryFolder(), 'out.gguf');
      const model = { verb: 'fit', model: await narrow, output, candidates: 1, ...quick };
      return resultOf(await engine.run({ ...model, ...recipe }), 'fit');
    },
  };
}
