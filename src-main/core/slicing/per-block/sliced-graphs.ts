// Graphs of sliced blocks: a step while the model is sliced, and a whole block of a sliced model. Both are the family's own
// block with other parts: of the sliced one RMSN divides by the dense hidden size D whatever the width, and the residual goes
// through a shortcut (SliceGPT §3.3; method.md 1.3, 1.5). Letters: N rows, D hidden size, n and o widths of a step's input and output.
import type { Architecture, BlockParts, BlockValues } from '../../architectures/architecture.ts';
import { addGramOutputs, addSquaresOutput } from '../../graph/gram.ts';
import { GraphBuilder } from '../../graph/graph-builder.ts';
import type { Value } from '../../graph/graph-builder.ts';
import { blockSites } from '../../graph/block-graph.ts';
import type { BlockSite, BuiltGraph, StatisticsSite } from '../../graph/block-graph.ts';
import { windowParts } from '../../graph/window-block.ts';
import type { WindowShape } from '../../graph/window-block.ts';
import { blockSteps } from './block-steps.ts';
import type { BlockStep } from './block-steps.ts';

export interface StepWidths {
  /** n. */
  input: number;
  /** o. */
  output: number;
}

/**
 * x / sqrt(Σx²/D + eps) of rows that are `width` wide, as a norm over `width` columns knows it: its weight, which is the
 * same for all columns, and its eps. sqrt(Σx²/D + eps) = sqrt(width/D)·sqrt(Σx²/width + eps·D/width).
 */
export function slicedNorm(width: number, hiddenSize: number, eps: number): { weight: number; eps: number } {
  return { weight: Math.sqrt(hiddenSize / width), eps: (eps * hiddenSize) / width };
}

/** Parts of a block whose steps have these widths. */
function slicedParts(
  g: GraphBuilder,
  architecture: Architecture,
  shape: WindowShape,
  widths: readonly StepWidths[],
): BlockParts {
  const steps = blockSteps(architecture);
  const { hiddenSize, normEps } = shape;
  return {
    ...windowParts(g, shape),
    residual: (rows, branches, role) => {
      const index = steps.findIndex(({ norm }) => norm === role);
      const { input, output } = widths[index]!;
      return g.sum([g.matmul(rows, g.input(steps[index]!.shortcut, [input, output])), ...branches]);
    },
    norm: (rows, role) => {
      const { input } = widths[steps.findIndex(({ norm }) => norm === role)]!;
      const { weight, eps } = slicedNorm(input, hiddenSize, normEps);
      return g.rmsNorm(rows, g.floats(new Float32Array(input).fill(weight), [input]), eps);
    },
    weight: (role, sizes) => {
      const reads = steps.findIndex(({ inputs }) => inputs.some((linear) => linear === role));
      if (reads !== -1) return g.input(role, [sizes[0]!, widths[reads]!.input]);
      const writes = steps.findIndex(({ outputs }) => outputs.some((out) => role === out || role === `${out}Bias`));
      return g.input(role, writes === -1 ? sizes : [widths[writes]!.output, ...sizes.slice(1)]);
    },
  };
}

/**
 * One step on the residual of the dense model, as the sliced one has it. Inputs `x` [N, D], the step's weights by role as
 * the dense model has them, and, where it `cuts`, `complement` [D - n, D], the directions Qc that go, as rows; output `y`
 * [N, D] = x' + Branches(RMSN(x')) with x' = x - x·Qc·Qcᵀ = x·Q[:, :n]·(Q[:, :n])ᵀ: the same values as of the step that is
 * turned and cut, for 2D(D - n) products a row where that has 2Dn.
 */
export function buildStepGraph(
  architecture: Architecture,
  step: BlockStep,
  shape: WindowShape,
  cuts: boolean,
): Uint8Array {
  const g = new GraphBuilder(`${architecture.name}-step`);
  const { hiddenSize } = shape;
  const x = g.input('x', ['N', hiddenSize]);
  const kept = cuts ? g.project(x, g.input('complement', ['C', hiddenSize])) : x;
  let y: Value | undefined;
  architecture.buildBlock(g, kept, shape, {
    ...windowParts(g, shape),
    // Another step of the block passes its rows on: what it computes is not used.
    residual: (rows, branches, role) => {
      if (role !== step.norm) return rows;
      y = g.sum([rows, ...branches]);
      return y;
    },
  });
  if (!y) throw new Error(`${architecture.name}: its block has no step behind ${step.norm}`);
  g.output('y', y, ['N', hiddenSize]);
  g.dropUnused();
  return g.encode();
}

/**
 * A whole block of a sliced model. Inputs `x` [N, n] and weights and shortcuts by role; output `y` [N, o]. With `grams`
 * every site is an output too, as in buildBlockGraph; sites behind norms are RMSN_D of the sliced residual.
 */
export function buildSlicedBlockGraph(
  architecture: Architecture,
  shape: WindowShape,
  widths: readonly StepWidths[],
  grams: readonly StatisticsSite[] | null,
): BuiltGraph {
  const g = new GraphBuilder(`${architecture.name}-sliced-block`);
  const parts = slicedParts(g, architecture, shape, widths);
  const first = widths[0]!.input;
  const values: BlockValues = architecture.buildBlock(g, g.input('x', ['N', first]), shape, parts);
  g.output('y', values.output, ['N', widths.at(-1)!.output]);
  const statistics = grams ? addSites(g, shape, { values, widths, grams }) : [];
  return { model: g.encode(), statistics };
}

function addSites(
  g: GraphBuilder,
  { numAttentionHeads, headDim, intermediateSize }: WindowShape,
  { values, widths, grams }: { values: BlockValues; widths: readonly StepWidths[]; grams: readonly StatisticsSite[] },
): BuiltGraph['statistics'] {
  const ones = g.input('ones', [1, 'N']);
  const columns: Record<BlockSite, number> = {
    attentionInput: widths[0]!.input,
    attentionOutputInput: numAttentionHeads * headDim,
    mlpInput: widths.at(-1)!.input,
    mlpOutputInput: intermediateSize,
  };
  return blockSites.flatMap((name) => {
    const rows = values[name];
    if (!rows) return [];
    const site = { name, rows, columns: columns[name] };
    return [grams.includes(name) ? addGramOutputs(g, site) : addSquaresOutput(g, site, ones)];
  });
}
