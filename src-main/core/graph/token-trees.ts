// Sequences of tokens in windows of one length, side by side, those that begin alike sharing their beginning: a token sees
// the sequence it ends and nothing else of its window. What a graph of windows has to be fed for that.
import type { GraphTensor } from './block-runner.ts';
import { masked } from './causal-attention.ts';

/** How the tokens of every window [T] hang together. */
export interface WindowTrees {
  /** Tokens in front of each in its sequence: what rotary and learned positions count. */
  positions: readonly Int32Array[];
  /** Row in the same window of the token in front, always an earlier one; -1 where a sequence begins. */
  parents: readonly Int32Array[];
}

export interface PackedSequences {
  /** Token ids, all windows of one length; token 0 behind the last sequence of a window. */
  windows: Int32Array[];
  trees: WindowTrees;
  /** Per sequence the row of each of its tokens, counted through all windows. */
  rows: Int32Array[];
}

/**
 * Packs sequences, in order, into windows of `windowLength` tokens, or of the longest sequence if that is longer, or of
 * all tokens if those are fewer. A sequence shares what it has in common with the beginning of the one before it.
 */
export function packSequences(sequences: readonly Int32Array[], windowLength: number): PackedSequences {
  const room = sequences.reduce((most, { length }) => Math.max(most, length), windowLength);
  const windows: { tokens: number[]; positions: number[]; parents: number[] }[] = [];
  let previous: { tokens: Int32Array; path: number[] } = { tokens: new Int32Array(), path: [] };
  const placed = sequences.map((tokens) => {
    let window = windows.at(-1);
    let shared = commonLength(tokens, previous.tokens);
    if (!window || window.tokens.length + tokens.length - shared > room) {
      shared = 0;
      window = { tokens: [], positions: [], parents: [] };
      windows.push(window);
    }
    const path = previous.path.slice(0, shared);
    for (let place = shared; place < tokens.length; place += 1) {
      window.parents.push(path.at(-1) ?? -1);
      path.push(window.tokens.length);
      window.tokens.push(tokens[place]!);
      window.positions.push(place);
    }
    previous = { tokens, path };
    return { window: windows.length - 1, path };
  });
  const length = windows.length === 1 ? windows[0]!.tokens.length : room;
  const filled = (values: number[], padding: number): Int32Array => {
    const row = new Int32Array(length).fill(padding);
    row.set(values);
    return row;
  };
  return {
    windows: windows.map(({ tokens }) => filled(tokens, 0)),
    trees: {
      positions: windows.map(({ positions }) => filled(positions, 0)),
      parents: windows.map(({ parents }) => filled(parents, -1)),
    },
    rows: placed.map(({ window, path }) => Int32Array.from(path, (row) => window * length + row)),
  };
}

function commonLength(a: Int32Array, b: Int32Array): number {
  const shorter = Math.min(a.length, b.length);
  for (let place = 0; place < shorter; place += 1) if (a[place] !== b[place]) return place;
  return shorter;
}

/** What a run over whole windows, `rows` tokens from `first` on, has to be fed besides: see WindowShape.hasTrees. */
export function treeFeeds(
  trees: WindowTrees | undefined,
  run: { first: number; rows: number },
  { rotaryDim }: { rotaryDim: number },
): Record<string, GraphTensor> {
  if (!trees) return {};
  const { positions, parents } = trees;
  const length = parents[0]!.length;
  const [first, count] = [run.first / length, run.rows / length];
  const mask = new Float32Array(count * length * length).fill(masked);
  for (let window = 0; window < count; window += 1) {
    const rows = mask.subarray(window * length * length, (window + 1) * length * length);
    for (const [row, parent] of parents[first + window]!.entries()) {
      if (parent >= 0) rows.copyWithin(row * length, parent * length, (parent + 1) * length);
      rows[row * length + row] = 0;
    }
  }
  const feeds: Record<string, GraphTensor> = { mask: { data: mask, shape: [count, 1, 1, length, length] } };
  if (rotaryDim > 0) {
    const data = new BigInt64Array(count * length);
    for (let window = 0; window < count; window += 1) {
      data.set(BigInt64Array.from(positions[first + window]!, BigInt), window * length);
    }
    feeds['positions'] = { data, shape: [count, length] };
  }
  return feeds;
}
