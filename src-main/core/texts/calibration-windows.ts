// Calibration windows by the protocol of SliceGPT's reference (method 1.2): start at a random item that is not used yet,
// join items with a blank line until the window is full, cut it to length, use none of them again. Windows never overlap.
// A start that meets a used item or the end of the text before its window is full is passed over; its items stay free.
import { createHash } from 'node:crypto';
import type { CalibrationOptions } from '../../contract/recipe.ts';
import { joinItems } from './items.ts';
import type { OpenedText } from './open-text.ts';
import { seededRandom } from './seeded-random.ts';
import { cutIntoPieces, fullWindows, type Tokenize } from './windows.ts';

export interface CalibrationWindows {
  windows: Int32Array[];
  /** Of all windows together. */
  tokens: number;
  /** Of one text its own; of several that of their hex sums one after the other. */
  textSha256: string;
}

interface Share {
  text: OpenedText;
  /** Windows wanted of this text, at most. */
  limit: number;
}

type TextShare = Share & { text: OpenedText & { rows: null } };

/** Items [start, end) of a text. */
interface Span {
  start: number;
  end: number;
}

export interface CalibrationRequest {
  texts: OpenedText[];
  options: CalibrationOptions;
  contextLength: number;
  tokenize: Tokenize;
}

/**
 * Windows of min(length, context) tokens, at most `samples` over all texts; the same request gives the same windows.
 * A text without one full window gives one shorter window. Calls `tokenize` at most twice, for all texts at once.
 * @throws TEXT_TOO_SHORT for a text of fewer than 32 tokens.
 */
export async function calibrationWindows({
  texts,
  options,
  contextLength,
  tokenize,
}: CalibrationRequest): Promise<CalibrationWindows> {
  const length = Math.min(options.length, contextLength);
  const shares = divide(texts, options.samples);
  const ofItems = shares.filter(hasItems);
  const sampled =
    options.sampling === 'random'
      ? await randomSamples(ofItems, { length, tokenize, random: seededRandom(options.seed) })
      : await contiguousSamples(ofItems, length, tokenize);
  const candidates = new Map<Share, Int32Array[]>(ofItems.map((share, index) => [share, sampled[index]!]));
  const windows = shares.flatMap((share) => {
    const { text, limit } = share;
    if (text.rows !== null) return text.rows.slice(0, limit).map((row) => row.slice(0, length));
    return fullWindows(candidates.get(share)!, { length, limit, text: text.name });
  });
  return { windows, tokens: windows.reduce((sum, window) => sum + window.length, 0), textSha256: sumOf(texts) };
}

/** Equal shares, the first text takes the remainder; a text that gets nothing is left out. */
function divide(texts: OpenedText[], samples: number): Share[] {
  const each = Math.floor(samples / texts.length);
  const rest = samples - each * texts.length;
  return texts
    .map((text, index) => ({ text, limit: index === 0 ? each + rest : each }))
    .filter((share) => share.limit > 0);
}

function hasItems(share: Share): share is TextShare {
  return share.text.rows === null;
}

/** Per text, tokens of its start, cut into pieces. */
async function contiguousSamples(shares: TextShare[], length: number, tokenize: Tokenize): Promise<Int32Array[][]> {
  if (shares.length === 0) return [];
  const tokens = await tokenize(shares.map((share) => share.text.joined));
  return tokens.map((ids) => cutIntoPieces(ids, length));
}

interface Sampling {
  length: number;
  tokenize: Tokenize;
  random: () => number;
}

/** Per text, the tokens of its samples, cut to length. */
async function randomSamples(shares: TextShare[], { length, tokenize, random }: Sampling): Promise<Int32Array[][]> {
  if (shares.length === 0) return [];
  const items = shares.flatMap((share) => share.text.items);
  // The last text is empty: its ids are those that the tokenizer adds to every text.
  const lengths = (await tokenize([...items, new Uint8Array()])).map((ids) => ids.length);
  const added = lengths.pop()!;
  const spans = shares.map(({ text, limit }) => {
    const counts = lengths.splice(0, text.items.length).map((count) => count - added);
    const picked = pickSpans(counts, { tokens: Math.max(1, length - added), limit, random });
    return picked.length > 0 ? picked : [{ start: 0, end: counts.length }];
  });
  const joined = shares.flatMap(({ text }, index) =>
    spans[index]!.map(({ start, end }) => joinItems(text.items.slice(start, end))),
  );
  const samples = (await tokenize(joined)).map((ids) => ids.slice(0, length));
  return spans.map((ofText) => samples.splice(0, ofText.length));
}

/** Spans of items with at least `tokens` tokens each (the blank lines between them not counted), none sharing an item. */
function pickSpans(
  counts: number[],
  { tokens, limit, random }: { tokens: number; limit: number; random: () => number },
): Span[] {
  const spans: Span[] = [];
  const isUsed = new Uint8Array(counts.length);
  const starts = counts.map((_, index) => index);
  while (spans.length < limit && starts.length > 0) {
    const place = Math.floor(random() * starts.length);
    const start = starts[place]!;
    starts[place] = starts.at(-1)!;
    starts.pop();
    const end = endOfSpan(start, tokens, counts, isUsed);
    if (end === null) continue;
    spans.push({ start, end });
    isUsed.fill(1, start, end);
  }
  return spans;
}

/** Where a span from `start` has its tokens; null when a used item or the end comes first. */
function endOfSpan(start: number, tokens: number, counts: number[], isUsed: Uint8Array): number | null {
  let found = 0;
  for (let index = start; index < counts.length && isUsed[index] === 0; index++) {
    found += counts[index]!;
    if (found >= tokens) return index + 1;
  }
  return null;
}

function sumOf(texts: OpenedText[]): string {
  if (texts.length === 1) return texts[0]!.sha256;
  const hash = createHash('sha256');
  for (const text of texts) hash.update(text.sha256);
  return hash.digest('hex');
}
