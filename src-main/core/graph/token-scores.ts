// What two models, or one, make of every row of a residual: slabs of the vocabulary put together in float64.
import { sideFigures } from './head-graph.ts';
import type { HeadSide, SideFigure } from './head-graph.ts';
import { rowsPerRun } from './head-slabs.ts';
import type { HeadSlabs, Slab } from './head-slabs.ts';
import { residualRows } from './residual.ts';
import type { Residual } from './residual.ts';

/** Of one side, per row [N]. */
export interface SideScores {
  /** log Σ exp(logit). */
  logSumExp: Float64Array;
  /** The most likely token, the first of equals, and its logit. */
  topToken: Int32Array;
  topLogit: Float64Array;
  targetLogit: Float64Array;
}

export interface TokenScores {
  candidate: SideScores;
  reference: SideScores | null;
  /** KL(reference || candidate) in nats; null without a reference. */
  kld: Float64Array | null;
}

export interface ScoreOptions {
  slabs: HeadSlabs;
  residuals: { candidate: Residual; reference?: Residual };
  /** [N] the token that follows each row; -1 where none does (its targetLogit is NaN). */
  targets: Int32Array;
  signal: AbortSignal;
  /** Gets every slab before it is scored: for what else is wanted of it. */
  onSlab?: (slab: Slab) => Promise<void>;
  /** Told after every run: rows times the share of the vocabulary. */
  onRun?: (rows: number, tokens: number) => void;
}

/** Scores all N rows. Residuals are read once per slab. */
export async function scoreTokens(options: ScoreOptions): Promise<TokenScores> {
  const { slabs, residuals, targets, signal, onSlab, onRun } = options;
  const rows = residualRows(residuals.candidate);
  const candidate = emptySide(rows);
  const reference = residuals.reference ? emptySide(rows) : null;
  const gap = reference && new Float64Array(rows);
  const sides: [HeadSide, SideScores, Residual][] = [['candidate', candidate, residuals.candidate]];
  if (reference) sides.push(['reference', reference, residuals.reference!]);
  const outputs = sides.flatMap(([side]) => sideFigures.map((figure) => `${side}.${figure}`));
  if (gap) outputs.push('gap');

  for await (const slab of slabs.slabs()) {
    await onSlab?.(slab);
    for (let first = 0; first < rows; first += rowsPerRun) {
      signal.throwIfAborted();
      const count = Math.min(rowsPerRun, rows - first);
      const values: Partial<Record<HeadSide, Float32Array>> = {};
      for (const [side, , residual] of sides) values[side] = await residual.read(first, count);
      const found = await slab.run(values, targets.subarray(first, first + count), outputs);
      for (const [side, scores] of sides) {
        for (let row = 0; row < count; row += 1) {
          const share = addSlab(
            scores,
            { row: first + row, start: slab.start },
            (name) => found[`${side}.${name}`]![row]!,
          );
          if (gap && side === 'reference') gap[first + row]! += share * (found['gap']![row]! - gap[first + row]!);
          const target = targets[first + row]!;
          const isHere = target >= slab.start && target < slab.start + slab.size;
          if (isHere) scores.targetLogit[first + row] = found[`${side}.target`]![row]!;
        }
      }
      onRun?.(count, slab.size);
    }
  }
  // Σ p (log p - log q) with log p = logit - logSumExp: the mean gap of the logits, less that of the normalisers.
  const kld = reference && gap!.map((mean, row) => mean - reference.logSumExp[row]! + candidate.logSumExp[row]!);
  return { candidate, reference, kld };
}

/** Adds a slab's figures of one row. Answers the slab's share of the probability so far. */
function addSlab(
  { logSumExp, topLogit, topToken }: SideScores,
  { row, start }: { row: number; start: number },
  figure: (name: SideFigure) => number,
): number {
  const top = figure('top');
  const added = top - Math.log(figure('topShare'));
  const total = logAddExp(logSumExp[row]!, added);
  logSumExp[row] = total;
  if (top > topLogit[row]!) {
    topLogit[row] = top;
    topToken[row] = start + figure('topIndex');
  }
  return Math.exp(added - total);
}

const emptySide = (rows: number): SideScores => ({
  logSumExp: new Float64Array(rows).fill(-Infinity),
  topToken: new Int32Array(rows).fill(-1),
  topLogit: new Float64Array(rows).fill(-Infinity),
  targetLogit: new Float64Array(rows).fill(NaN),
});

/** log(exp(a) + exp(b)); `a` may be -Infinity. */
function logAddExp(a: number, b: number): number {
  const most = Math.max(a, b);
  return most + Math.log1p(Math.exp(Math.min(a, b) - most));
}

/** [windows · T] the token after each one; -1 at a window's last. `windows` may be shorter than T. */
export function nextTokens(windows: readonly Int32Array[], windowLength: number): Int32Array {
  const targets = new Int32Array(windows.length * windowLength).fill(-1);
  for (const [index, window] of windows.entries()) targets.set(window.subarray(1), index * windowLength);
  return targets;
}
