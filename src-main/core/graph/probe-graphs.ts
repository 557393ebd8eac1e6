// What tells whether a device computes our graphs rightly and fast enough: tiny graphs with the operators that forward passes
// are made of, whose results on two runtimes are compared, and products that are timed. Inputs are the same at every run.
import { qwen3 } from '../architectures/qwen3.ts';
import type { LayerRole } from '../architectures/architecture.ts';
import { ropeTables } from '../architectures/rope.ts';
import { blockSites, buildBlockGraph, statisticsFeeds } from './block-graph.ts';
import type { GraphRuntime, GraphTensor } from './block-runner.ts';
import { GraphBuilder } from './graph-builder.ts';
import type { Value } from './graph-builder.ts';
import { buildHeadGraph, sideFigures } from './head-graph.ts';
import { elementTypes, encodeModel } from './onnx-model.ts';

/** A graph, what it is fed, and which of its outputs are wanted. */
export interface ProbeGraph {
  name: string;
  model: Uint8Array;
  feeds: Record<string, GraphTensor>;
  outputs: readonly string[];
}

/**
 * How far an output may lie from the processor's, as a share of its largest value. Right providers differ by 2e-6 at most; the
 * attention that is wrong on WebGPU by 4e-2 (docs/graphs.md), products in TF32 by about 1e-3.
 */
export const probeTolerance = 1e-4;

const ropeTheta = 10_000;

/** Numbers between -1 and 1 without a pattern that sums could hide. */
function wave(length: number, seed: number): Float32Array {
  const values = new Float32Array(length);
  for (let index = 0; index < length; index += 1) values[index] = Math.sin(seed + index * 1.37 + (index % 83) * 0.71);
  return values;
}

const tensor = (shape: readonly number[], seed: number, scale = 1): GraphTensor => ({
  data: wave(
    shape.reduce((product, size) => product * size, 1),
    seed,
  ).map((value) => value * scale),
  shape,
});

interface BlockSizes {
  hiddenSize: number;
  numAttentionHeads: number;
  numKeyValueHeads: number;
  intermediateSize: number;
  windowLength: number;
  hasStatistics: boolean;
}

/** A block with grouped heads that are normed and rotated, behind which nothing of a gated family is missing. */
function blockProbe(name: string, { windowLength, hasStatistics, ...sizes }: BlockSizes): ProbeGraph {
  const { hiddenSize, intermediateSize, numAttentionHeads, numKeyValueHeads } = sizes;
  const headDim = hiddenSize / numAttentionHeads;
  const keyValue = numKeyValueHeads * headDim;
  const weights: Partial<Record<LayerRole, readonly number[]>> = {
    q: [hiddenSize, hiddenSize],
    k: [keyValue, hiddenSize],
    v: [keyValue, hiddenSize],
    o: [hiddenSize, hiddenSize],
    gate: [intermediateSize, hiddenSize],
    up: [intermediateSize, hiddenSize],
    down: [hiddenSize, intermediateSize],
    qBias: [hiddenSize],
    qNorm: [headDim],
    kNorm: [headDim],
  };
  const roles = new Set(Object.keys(weights) as LayerRole[]);
  const rope = ropeTables({ ropeTheta, rotaryDim: headDim }, windowLength, null);
  const shape = { ...sizes, headDim, normEps: 1e-5, rotaryDim: headDim, activation: 'silu' as const, windowLength };
  const graph = buildBlockGraph(qwen3, { ...shape, rope, roles }, hasStatistics ? blockSites : null);
  const fed = Object.entries(weights).map(([role, size], index) => [role, tensor(size, index, 0.2)] as const);
  return {
    name,
    model: graph.model,
    feeds: {
      x: tensor([windowLength, hiddenSize], 11),
      ...statisticsFeeds(graph, windowLength),
      ...Object.fromEntries(fed),
    },
    outputs: ['y', ...graph.statistics.flatMap(({ names }) => names)],
  };
}

/** The end of a forward pass of two models side by side, with every bias. */
function headProbe(): ProbeGraph {
  const [rows, hiddenSize, slab] = [16, 64, 512];
  const shape = { hiddenSize, normEps: 1e-5, hasNormBias: true, hasHeadBias: true };
  const sides = ['candidate', 'reference'] as const;
  const fed = sides.flatMap((side, index) => [
    [`${side}.x`, tensor([rows, hiddenSize], 20 + index)] as const,
    [`${side}.norm`, tensor([hiddenSize], 30 + index)] as const,
    [`${side}.normBias`, tensor([hiddenSize], 40 + index)] as const,
    [`${side}.head`, tensor([slab, hiddenSize], 50 + index)] as const,
    [`${side}.headBias`, tensor([slab], 60 + index)] as const,
  ]);
  const targets = { data: BigInt64Array.from({ length: rows }, (_, row) => BigInt(row * 31)), shape: [rows, 1] };
  return {
    name: 'output layer',
    model: buildHeadGraph({ candidate: shape, reference: shape }),
    feeds: { targets, ones: { data: new Float32Array(slab).fill(1), shape: [slab, 1] }, ...Object.fromEntries(fed) },
    outputs: [...sides.flatMap((side) => sideFigures.map((figure) => `${side}.${figure}`)), 'gap'],
  };
}

/** What other families add: their activations, rotation of a part of each head. */
function activationProbe(): ProbeGraph {
  const g = new GraphBuilder('activations');
  const [rows, columns, heads] = [32, 64, 4];
  const x = g.input('x', [rows, columns]);
  const activations = ['relu', 'gelu', 'geluTanh'] as const;
  for (const name of activations) g.output(name, g.activate(x, name), [rows, columns]);
  const rotaryDim = columns / heads / 2;
  const { cos, sin } = ropeTables({ ropeTheta, rotaryDim }, rows, null);
  const table = (data: Float32Array): Value => g.floats(data, [rows, rotaryDim / 2]);
  const windows = g.reshape(x, [1, rows, columns]);
  const turned = g.rope(windows, { cos: table(cos), sin: table(sin) }, { rotaryDim, heads });
  g.output('turned', turned, [1, rows, columns]);
  return {
    name: 'activations',
    model: g.encode(),
    feeds: { x: tensor([rows, columns], 5, 3) },
    outputs: [...activations, 'turned'],
  };
}

/** The graphs whose results are compared. Two blocks of queries, so that attention splits, slices and joins. */
export const comparedGraphs = (): ProbeGraph[] => [
  blockProbe('block', {
    ...{ hiddenSize: 64, numAttentionHeads: 4, numKeyValueHeads: 2, intermediateSize: 96 },
    ...{ windowLength: 128, hasStatistics: true },
  }),
  headProbe(),
  activationProbe(),
];

/** One product, small enough for a device that a processor only plays: 0.13 GFLOP. */
export function smallProduct(): ProbeGraph {
  const [rows, size] = [256, 512];
  const g = new GraphBuilder('product');
  g.output('y', g.linear(g.input('x', ['N', size]), g.input('w', [size, size])), ['N', size]);
  const feeds = { x: tensor([rows, size], 1), w: tensor([size, size], 2) };
  return { name: 'product', model: g.encode(), feeds, outputs: ['y'] };
}

/** Arithmetic in F16, which not every GPU has. */
export function halfProduct(): ProbeGraph {
  const cast = (from: string, to: string, type: number) => ({
    ...{ domain: '', operator: 'Cast', inputs: [from], outputs: [to], attributes: { to: { int: type } } },
  });
  const value = (name: string) => ({ name, type: 'float32' as const, shape: [4, 4] });
  const model = encodeModel({
    name: 'half',
    nodes: [
      cast('x', 'half', elementTypes.float16),
      { domain: '', operator: 'Mul', inputs: ['half', 'half'], outputs: ['square'], attributes: {} },
      cast('square', 'y', elementTypes.float32),
    ],
    ...{ constants: [], inputs: [value('x')], outputs: [value('y')] },
  });
  return { name: 'F16', model, feeds: { x: tensor([4, 4], 7) }, outputs: ['y'] };
}

/** A block as jobs run it, 1,024 tokens at once: 26 GFLOP, 51 MB of weights that are fed. */
export const timedBlock = (): ProbeGraph =>
  blockProbe('timed block', {
    ...{ hiddenSize: 1024, numAttentionHeads: 16, numKeyValueHeads: 8, intermediateSize: 2816 },
    ...{ windowLength: 1024, hasStatistics: false },
  });

/** Outputs of one run, and the seconds of the fastest of `runs` behind a first one that compiles. */
export async function runProbe(
  runtime: GraphRuntime,
  { model, feeds, outputs }: ProbeGraph,
  runs = 0,
): Promise<{ values: Record<string, Float32Array>; seconds: number }> {
  const runner = await runtime.open(model);
  const wanted = Object.fromEntries(outputs.map((name) => [name, null]));
  try {
    const values = await runner.run(feeds, wanted);
    let seconds = Infinity;
    for (let run = 0; run < runs; run += 1) {
      const start = performance.now();
      await runner.run(feeds, wanted);
      seconds = Math.min(seconds, (performance.now() - start) / 1000);
    }
    return { values, seconds };
  } finally {
    await runner.dispose();
  }
}

/** The largest difference of two runs as a share of each output's largest value; Infinity where a number is missing. */
export function furthestShare(
  found: Record<string, Float32Array>,
  expected: Record<string, Float32Array>,
): { output: string; share: number } {
  let worst = { output: '', share: 0 };
  for (const [output, values] of Object.entries(expected)) {
    const others = found[output];
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    let far = others?.length === values.length ? 0 : Infinity;
    for (const [index, value] of values.entries()) {
      const difference = Math.abs(value - (others?.[index] ?? NaN));
      far = Number.isNaN(difference) ? Infinity : Math.max(far, difference);
    }
    const share = far === 0 ? 0 : far / largest;
    if (share >= worst.share) worst = { output, share };
  }
  return worst;
}
