// Sequences in shared windows: every one is found again by its rows, and a row sees the beginning of its own sequence only.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { packSequences, treeFeeds } from '../../../src-main/core/graph/token-trees.ts';
import type { PackedSequences } from '../../../src-main/core/graph/token-trees.ts';

const sequencesOf = (...texts: string[]): Int32Array[] =>
  texts.map((text) => Int32Array.from(text, (letter) => letter.charCodeAt(0)));

/** What a row sees by the mask, as `position:token` of the tokens, which have to be those of one sequence. */
function seen({ windows, trees }: PackedSequences, row: number): { tokens: number[]; positions: number[] } {
  const length = windows[0]!.length;
  const window = Math.floor(row / length);
  const feeds = treeFeeds(trees, { first: window * length, rows: length }, { rotaryDim: 2 });
  const mask = (feeds['mask']!.data as Float32Array).subarray((row % length) * length, ((row % length) + 1) * length);
  const visible = Array.from(mask.keys()).filter((key) => mask[key] === 0);
  const positions = feeds['positions']!.data as BigInt64Array;
  return {
    tokens: visible.map((key) => windows[window]![key]!),
    positions: visible.map((key) => Number(positions[key]!)),
  };
}

describe('packSequences', () => {
  test('every token sees its sequence up to itself, whatever the order and the lengths', () => {
    const sequence = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(sequence, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 20 }),
        (lists, room) => {
          const sequences = lists.map((list) => Int32Array.from(list));
          const packed = packSequences(sequences, room);
          for (const [index, tokens] of sequences.entries()) {
            expect(packed.rows[index]).toHaveLength(tokens.length);
            for (const [place, row] of packed.rows[index]!.entries()) {
              const { tokens: found, positions } = seen(packed, row);
              expect(found).toEqual([...tokens.subarray(0, place + 1)]);
              expect(positions).toEqual(Array.from({ length: place + 1 }, (_, position) => position));
            }
          }
        },
      ),
    );
  });

  test('beginnings are shared with the sequence before, inside of a window', () => {
    const { windows, trees, rows } = packSequences(sequencesOf('abcd', 'abxy', 'abxz', 'ab'), 7);
    expect(windows.map((window) => String.fromCharCode(...window))).toEqual(['abcdxyz']);
    expect([...trees.parents[0]!]).toEqual([-1, 0, 1, 2, 1, 4, 4]);
    expect(rows.map((row) => [...row])).toEqual([
      [0, 1, 2, 3],
      [0, 1, 4, 5],
      [0, 1, 4, 6],
      [0, 1],
    ]);
  });

  test('what does not fit begins a window; what is longer than a window makes all of them longer', () => {
    const split = packSequences(sequencesOf('abcd', 'abxy'), 5);
    expect(split.windows.map((window) => [...window.subarray(0, 4)])).toEqual(
      sequencesOf('abcd', 'abxy').map((tokens) => [...tokens]),
    );
    expect(split.windows.map(({ length }) => length)).toEqual([5, 5]);
    expect([...split.trees.parents[0]!]).toEqual([-1, 0, 1, 2, -1]);
    const long = packSequences(sequencesOf('ab', 'abcdefgh', 'b'), 3);
    expect(long.windows.map(({ length }) => length)).toEqual([8, 8]);
  });

  test('a window that is not full is as long as what it holds', () => {
    expect(packSequences(sequencesOf('abc', 'b'), 256).windows.map(({ length }) => length)).toEqual([4]);
  });
});
