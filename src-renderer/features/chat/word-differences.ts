// Where two answers differ, word by word: the words outside of their longest common subsequence.

export interface Stretch {
  text: string;
  isOwn: boolean;
}

export interface Differences {
  one: Stretch[];
  other: Stretch[];
  /** Words that both begin with. */
  sameStart: number;
  /** Words of both that the other does not have there. */
  own: number;
  words: number;
}

/** A table of this many words a side is a million cells; behind it, words are compared place by place. */
const mostWords = 1000;

export function differencesOf(one: string, other: string): Differences {
  const [a, b] = [wordsOf(one), wordsOf(other)];
  const { inOne, inOther } = common(a.map(bare), b.map(bare));
  const [left, right] = [stretches(a, inOne), stretches(b, inOther)];
  const own = inOne.filter((is) => !is).length + inOther.filter((is) => !is).length;
  return { one: left, other: right, sameStart: sameStartOf(a.map(bare), b.map(bare)), own, words: a.length + b.length };
}

/** Words with the space in front of them, so that together they are the text. */
const wordsOf = (text: string): string[] => text.match(/\s*\S+\s*$|\s*\S+/g) ?? [];
const bare = (word: string): string => word.trim();

function sameStartOf(a: readonly string[], b: readonly string[]): number {
  const first = a.findIndex((word, index) => word !== b[index]);
  return first === -1 ? a.length : first;
}

/** Which words of each side are part of a longest common subsequence. */
function common(a: readonly string[], b: readonly string[]): { inOne: boolean[]; inOther: boolean[] } {
  const inOne = a.map((word, index) => index >= mostWords && word === b[index]);
  const inOther = b.map((word, index) => index >= mostWords && word === a[index]);
  const [rows, columns] = [Math.min(a.length, mostWords), Math.min(b.length, mostWords)];
  const width = columns + 1;
  const longest = new Uint16Array((rows + 1) * width);
  for (let i = rows - 1; i >= 0; i--)
    for (let j = columns - 1; j >= 0; j--)
      longest[i * width + j] =
        a[i] === b[j]
          ? longest[(i + 1) * width + j + 1]! + 1
          : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!);
  for (let i = 0, j = 0; i < rows && j < columns;) {
    if (a[i] === b[j]) {
      [inOne[i], inOther[j]] = [true, true];
      i++;
      j++;
    } else if (longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!) i++;
    else j++;
  }
  return { inOne, inOther };
}

function stretches(words: readonly string[], isCommon: readonly boolean[]): Stretch[] {
  const found: Stretch[] = [];
  words.forEach((text, index) => {
    const isOwn = !isCommon[index];
    const last = found.at(-1);
    if (last?.isOwn === isOwn) last.text += text;
    else found.push({ text, isOwn });
  });
  return found;
}
