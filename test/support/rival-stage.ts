// Snug's side of test/bench/rival.ts: one stage in this process, on core's own functions, so that the time within
// session runs can be told from the rest. Reading weights is within the time, as it is part of every stage here.
import { openDecoder } from '../../src-main/core/architectures/decoder.ts';
import type { Decoder } from '../../src-main/core/architectures/decoder.ts';
import { openModel } from '../../src-main/core/formats/model-source.ts';
import type { GraphRuntime } from '../../src-main/core/graph/block-runner.ts';
import { readFloats } from '../../src-main/core/graph/float-values.ts';
import { forward } from '../../src-main/core/graph/forward.ts';
import { collectSharedStatistics } from '../../src-main/core/calibration/collect-statistics.ts';
import type { SharedStatistics } from '../../src-main/core/calibration/collect-statistics.ts';
import { sharedRotation } from '../../src-main/core/slicing/shared-rotation.ts';
import { slicedSource } from '../../src-main/core/slicing/sliced-source.ts';
import { nativeDequantizer } from '../../src-main/worker/native/native-dequantizer.ts';
import { openLinearAlgebra } from '../../src-main/worker/native/native-linear-algebra.ts';
import { onnxRuntime } from '../../src-main/worker/onnx/onnx-runtime.ts';
import { peakMemoryBytes } from '../../src-main/worker/peak-memory.ts';
import { mean, readJson } from './golden-models.ts';
import { cpuSecondsSince } from './rival-rounds.ts';
import type { SideResult } from './rival-rounds.ts';

export const stages = ['calibrate', 'rotate', 'evaluate'] as const;
export type Stage = (typeof stages)[number];

export interface StageRequest {
  model: string;
  /** JSON with `input_ids`: rows of one length. */
  rows: string;
  stage: Stage;
  threads: number;
  /** Of the rotation. */
  width: number;
}

/** What both sides tell of a stage; `result` has to agree. */
export interface StageResult extends SideResult {
  result: number[];
}

const { signal } = new AbortController();

export interface OurResult extends StageResult {
  /** Within session runs. */
  runSeconds: number;
  runCpuSeconds: number;
}

/** Runs one stage. */
export async function runStage(request: StageRequest): Promise<OurResult> {
  const { model: file, rows, stage, threads, width } = request;
  const windows = readJson<{ input_ids: number[][] }>(rows).input_ids.map((row) => Int32Array.from(row));
  const model = await openModel(file);
  const decoder = openDecoder(model);
  const timed = timedRuntime(threads);
  const options = { decoder, windows, runtime: timed.runtime, dequantize: nativeDequantizer(threads), signal };
  const start = performance.now();
  const cpu = process.cpuUsage();
  let result: number[];
  if (stage === 'evaluate') {
    const { nll } = await forward(options);
    result = [Math.exp(mean(nll))];
  } else {
    const found = await collectSharedStatistics({ ...options, progress: () => undefined });
    if (stage === 'rotate') await rotate(decoder, found, { threads, width });
    result = [sum(found.gram), sum(found.squares.get(`blk.${decoder.layers.length - 1}.ffn_down.weight`)!)];
  }
  const seconds = (performance.now() - start) / 1000;
  const cpuSeconds = cpuSecondsSince(cpu);
  await model.close();
  return { result, seconds, cpuSeconds, peakMemoryBytes: peakMemoryBytes(), ...timed.spent };
}

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);

/** The product's runtime with a clock around its runs. */
function timedRuntime(threads: number): {
  runtime: GraphRuntime;
  spent: Pick<OurResult, 'runSeconds' | 'runCpuSeconds'>;
} {
  const runtime = onnxRuntime({ threads });
  const spent = { runSeconds: 0, runCpuSeconds: 0 };
  return {
    spent,
    runtime: {
      provider: runtime.provider,
      async open(model) {
        const runner = await runtime.open(model);
        return {
          async run(feeds, outputs) {
            const start = performance.now();
            const cpu = process.cpuUsage();
            const filled = await runner.run(feeds, outputs);
            spent.runSeconds += (performance.now() - start) / 1000;
            spent.runCpuSeconds += cpuSecondsSince(cpu);
            return filled;
          },
          dispose: () => runner.dispose(),
        };
      },
    },
  };
}

/** Makes every tensor of the sliced model in memory, float32, as the rival does; nothing is written. */
async function rotate(
  decoder: Decoder,
  { gram }: SharedStatistics,
  { threads, width }: { threads: number; width: number },
): Promise<Float32Array[]> {
  const linearAlgebra = openLinearAlgebra(threads);
  const dequantize = nativeDequantizer(threads);
  const rotation = await sharedRotation({ gram, size: decoder.config.hiddenSize, width, linearAlgebra, signal });
  const sliced = await slicedSource({ decoder, rotation, dequantize, linearAlgebra, signal });
  const rotated: Float32Array[] = [];
  for (const entry of sliced.tensors) rotated.push(await readFloats(sliced, entry, dequantize));
  return rotated;
}
