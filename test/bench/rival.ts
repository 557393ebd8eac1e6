// Speed and memory against PyTorch doing the same work: same model, same token rows, same threads, taking turns.
// node test/bench/rival.ts [ROUNDS, 3] [WINDOWS, 64] [THREADS, all] [STAGE...]
// SNUG_RIVAL names the rival: a Python with torch, numpy, gguf and tokenizers, and the folder of its decoder.py and
// methods.py, with a blank in between. Ratios are medians over rounds. CPU time of all threads is told too: other
// programs on the machine change it less, but PyTorch's threads also spend it waiting for each other.
import { rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import path from 'node:path';
import { openDecoder } from '../../src-main/core/architectures/decoder.ts';
import type { DecoderConfig } from '../../src-main/core/architectures/architecture.ts';
import { openModel } from '../../src-main/core/formats/model-source.ts';
import { openLinearAlgebra } from '../../src-main/worker/native/native-linear-algebra.ts';
import { denseModel } from '../support/dense-model.ts';
import { readJson } from '../support/golden-models.ts';
import { referenceTexts } from '../support/paths.ts';
import { cpuSecondsSince, inProcess, judged, median, medianRatio, takeTurns, told } from '../support/rival-rounds.ts';
import { runStage, stages } from '../support/rival-stage.ts';
import type { OurResult, Stage, StageRequest, StageResult } from '../support/rival-stage.ts';
import { randomMatrix } from '../worker/matrices.ts';
import { temporaryFolder } from '../worker/quantize-oracle.ts';

/** Least theirs / ours of time; most ours / theirs of memory; least share of the SGEMM peak within session runs. */
const targets: Record<Stage, { speed: number; memory?: number; peak?: number }> = {
  calibrate: { speed: 1.3, memory: 0.5, peak: 0.75 },
  rotate: { speed: 1.2 },
  evaluate: { speed: 1.2 },
};
/** The width that docs/measured figures of the 135M model were made at. */
const width = 512;
/** Results of both sides, float32 sums over a whole model, agree to this; a larger difference is other work. */
const tolerance = 1e-3;

const runOurs = (request: StageRequest): OurResult =>
  inProcess(process.execPath, [import.meta.filename, 'stage', JSON.stringify(request)]);

function runTheirs({ model, rows, stage, threads, width: columns }: StageRequest, rival: string): StageResult {
  const [python, folder] = rival.split(' ') as [string, string];
  const script = path.join(import.meta.dirname, 'rival-mean-squares.py');
  return inProcess(python, [script, folder, model, rows, stage, String(threads), String(columns)]);
}

/** Flops per second, and per second of one core's time, of a product of 2048³ in float32: the best of five. */
async function sgemmPeak(threads: number): Promise<{ second: number; cpuSecond: number }> {
  const size = 2048;
  const [a, b] = [1, 2].map((seed) => Float32Array.from(randomMatrix(size, size, seed))) as [
    Float32Array,
    Float32Array,
  ];
  const output = new Float32Array(size * size);
  const { gemm } = openLinearAlgebra(threads);
  const best = { seconds: Infinity, cpuSeconds: Infinity };
  for (let round = 0; round < 5; round += 1) {
    const start = performance.now();
    const cpu = process.cpuUsage();
    await gemm({ what: 'bench', rows: size, inner: size, columns: size, a, b, output }, new AbortController().signal);
    best.seconds = Math.min(best.seconds, (performance.now() - start) / 1000);
    best.cpuSeconds = Math.min(best.cpuSeconds, cpuSecondsSince(cpu));
  }
  const flops = 2 * size ** 3;
  return { second: flops / best.seconds, cpuSecond: flops / best.cpuSeconds };
}

/** Needed per token: linears, the seen half of attention, half of each Gram (the other half is its mirror). */
function calibrationFlops(config: DecoderConfig, windowLength: number): number {
  const { hiddenSize, intermediateSize, numAttentionHeads, numKeyValueHeads, headDim, numHiddenLayers } = config;
  const heads = numAttentionHeads * headDim;
  const linears = 2 * hiddenSize * (2 * heads + 2 * numKeyValueHeads * headDim + 3 * intermediateSize);
  const attention = 4 * heads * (windowLength / 2);
  const grams = 2 * hiddenSize ** 2;
  return numHiddenLayers * (linears + attention + grams);
}

async function compareStage(request: StageRequest, rival: string, rounds: number): Promise<void> {
  const { stage, threads, model, rows } = request;
  const peaks: Awaited<ReturnType<typeof sgemmPeak>>[] = [];
  const tokens = readJson<{ input_ids: number[][] }>(rows).input_ids;
  const count = tokens.length * tokens[0]!.length;
  console.log(`${stage}, ${tokens.length} x ${tokens[0]!.length} tokens`);
  const sides = { ours: () => runOurs(request), theirs: () => runTheirs(request, rival) };
  const { ours, theirs } = await takeTurns(rounds, sides, async (mine, other) => {
    peaks.push(await sgemmPeak(threads));
    for (const [index, value] of mine.result.entries()) {
      const expected = other.result[index]!;
      if (Math.abs(value / expected - 1) > tolerance)
        throw new Error(`${stage}: the sides do not do the same work: ${value} and ${expected}`);
    }
    console.log(
      `  ours ${told(mine, count)} | theirs ${told(other, count)} | SGEMM ${gigaflops(peaks.at(-1)!.second)}`,
    );
  });
  const { speed, memory, peak } = targets[stage];
  console.log(judged('theirs / ours, time', medianRatio('seconds', theirs, ours), { least: speed }));
  console.log(judged('theirs / ours, CPU time', medianRatio('cpuSeconds', theirs, ours)));
  console.log(judged('ours / theirs, memory', medianRatio('peakMemoryBytes', ours, theirs), { most: memory }));
  if (peak === undefined) return;
  const opened = await openModel(model);
  const flops = count * calibrationFlops(openDecoder(opened).config, tokens[0]!.length);
  await opened.close();
  const share = median(ours.map(({ runSeconds }, i) => flops / runSeconds / peaks[i]!.second));
  console.log(judged('share of the SGEMM peak', share, { least: peak }));
  const cpuShare = median(ours.map(({ runCpuSeconds }, i) => flops / runCpuSeconds / peaks[i]!.cpuSecond));
  console.log(judged('share of the SGEMM peak, CPU time', cpuShare));
}

const gigaflops = (value: number): string => `${(value / 1e9).toFixed(0)} GFLOP/s`;

/** Rows of the measured texts, the first `count` of them, in a file that both sides read. */
function rowsFile(folder: string, name: string, count: number): string {
  const { input_ids } = readJson<{ input_ids: number[][] }>(path.join(referenceTexts!, `measured/${name}.tokens.json`));
  const file = path.join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify({ input_ids: input_ids.slice(0, count) }));
  return file;
}

async function compare(args: readonly string[]): Promise<void> {
  const [rounds = 3, windows = 64, threads = availableParallelism()] = args.slice(0, 3).map(Number);
  const wanted = args.length > 3 ? stages.filter((stage) => args.slice(3).includes(stage)) : stages;
  const rival = process.env['SNUG_RIVAL'];
  const model = denseModel();
  if (!rival?.includes(' ')) return skip('set SNUG_RIVAL to "PYTHON FOLDER" of the rival (see the head of this file)');
  if (model === null || referenceTexts === null) return skip('the reference data is not on this machine');
  console.log(
    `${path.basename(model)}, ${threads} threads, medians of ${rounds}, ${cpus()[0]?.model ?? 'unknown processor'}`,
  );
  const folder = temporaryFolder();
  try {
    for (const stage of wanted) {
      const rows = stage === 'evaluate' ? rowsFile(folder, 'wiki', 6) : rowsFile(folder, 'calibration', windows);
      await compareStage({ model, rows, stage, threads, width }, rival, rounds);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const skip = (reason: string): void => console.log(`skipped: ${reason}`);

const [first, ...rest] = process.argv.slice(2);
if (first === 'stage') console.log(JSON.stringify(await runStage(JSON.parse(rest[0]!) as StageRequest)));
else await compare(process.argv.slice(2));
