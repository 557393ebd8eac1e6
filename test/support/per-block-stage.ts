// Snug's side of test/bench/released.ts: the worker's task in this process, as the product runs it.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { workerApi } from '../../src-main/contract/worker-api.ts';
import { readFloats } from '../../src-main/core/graph/float-values.ts';
import { openSlicedFolder } from '../../src-main/core/slicing/per-block/sliced-folder.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { nativeDequantizer } from '../../src-main/worker/native/native-dequantizer.ts';
import { readJson } from './golden-models.ts';
import { cpuSecondsSince } from './rival-rounds.ts';
import type { SideResult } from './rival-rounds.ts';

export interface PerBlockStage {
  model: string;
  /** JSON with `input_ids`: rows of one length. */
  rows: string;
  /** Of every site but the last. */
  width: number;
  threads: number;
  /** For the sliced model; made anew. */
  folder: string;
}

export interface PerBlockResult extends SideResult {
  parameters: number;
  /** Sums of squares of the last layer's shortcuts and of its down projection. */
  result: number[];
}

/** Slices as the released code does (`paperCompat`), into F16 files. */
export async function slicePerBlockStage({
  model,
  rows,
  width,
  threads,
  folder,
}: PerBlockStage): Promise<PerBlockResult> {
  const checkpoints = join(folder, '..', 'checkpoints');
  // What an earlier round finished would be taken up.
  rmSync(checkpoints, { recursive: true, force: true });
  const params = workerApi.methods.slicePerBlock.params.parse({
    source: model,
    windows: readJson<{ input_ids: number[][] }>(rows).input_ids.map((row) => Int32Array.from(row)),
    schedule: { scheduler: 'constant', sparsity: 1 - width / 576, sliceHead: false },
    output: folder,
    type: 'F16',
    paperCompat: true,
    force: true,
    tokenizerFrom: null,
    checkpoints,
    threads,
  });
  const cpu = process.cpuUsage();
  const context = { signal: new AbortController().signal, progress: () => undefined };
  const { seconds, peakMemoryBytes, parametersAfter: parameters } = await handlers.slicePerBlock(params, context);
  const cpuSeconds = cpuSecondsSince(cpu);
  return { seconds, cpuSeconds, peakMemoryBytes, parameters, result: await lastSquares(folder) };
}

async function lastSquares(folder: string): Promise<number[]> {
  const { model, layers } = await openSlicedFolder(folder);
  try {
    const last = layers.at(-1)!;
    const squares: number[] = [];
    for (const role of ['attentionShortcut', 'mlpShortcut', 'down'] as const) {
      const values = await readFloats(model, last.get(role)!, nativeDequantizer(1));
      squares.push(values.reduce((sum, value) => sum + value ** 2, 0));
    }
    return squares;
  } finally {
    await model.close();
  }
}
