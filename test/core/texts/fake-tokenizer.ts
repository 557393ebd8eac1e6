// A tokenizer that tests can see through: one token a word (its number, where it is one), one for each blank line.
import type { OpenedText } from '../../../src-main/core/texts/open-text.ts';

export const bos = 1_000_000;
export const blankLine = 1_000_001;

/** Counts its calls; adds BOS. */
export function fakeTokenizer(): { tokenize: (texts: Uint8Array[]) => Promise<Int32Array[]>; calls: () => number } {
  let calls = 0;
  return {
    tokenize: async (texts) => {
      calls++;
      return texts.map((text) => Int32Array.from([bos, ...ids(Buffer.from(text).toString())]));
    },
    calls: () => calls,
  };
}

function ids(text: string): number[] {
  return (text.match(/\n\n|\S+/g) ?? []).map((word) => (word === '\n\n' ? blankLine : Number(word)));
}

/** A text whose items hold so many words each, every word a number of its own counted from `first`. */
export function numbered(counts: readonly number[], first = 0, name = 'numbered'): OpenedText {
  let next = first;
  const items = counts.map((count) => Array.from({ length: count }, () => next++).join(' '));
  const joined = items.join('\n\n');
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  return {
    name,
    sha256: `sum of ${name}`,
    bytes: joined.length,
    items: items.map(encode),
    joined: encode(joined),
    rows: null,
  };
}

export function rowsText(rows: number[][]): OpenedText {
  return {
    name: 'rows',
    sha256: 'sum of rows',
    bytes: 0,
    items: [],
    joined: null,
    rows: rows.map((row) => Int32Array.from(row)),
  };
}
