// Two models over the same windows by what each gives as logits, whatever runs it: per token the NLL of each, their KL
// divergence and whether they agree on the most likely token, all in float64. Models that both run on our own graphs are
// compared without their logits (compare-models.ts). Letters: R rows, V vocabulary.
import type { WindowComparison } from '../../contract/llama-host-api.ts';
import { checkWindows } from './compare-models.ts';

/** Logits of windows, read in order: window after window, each from its first token on. */
export interface LogitSource {
  readonly vocabSize: number;
  /** [count, V] float32 behind tokens `first` to `first + count - 1` of a window. */
  read(window: number, first: number, count: number): Promise<Float32Array>;
}

export interface CompareLogitsOptions {
  candidate: LogitSource;
  /** null: the candidate alone. Of the same vocabulary. */
  reference: LogitSource | null;
  /** Token ids, at least two a window. */
  windows: readonly Int32Array[];
  signal: AbortSignal;
  /** Logits of one model in memory at most (128 MiB): a window of 2048 tokens would have 1.2 GB with 152k tokens of vocabulary. */
  mostLogits?: number;
}

const defaultMostLogits = 2 ** 25;

/** Measures every token of `windows` that has a next one. @throws USAGE for windows of one token */
export async function compareLogits(options: CompareLogitsOptions): Promise<WindowComparison[]> {
  const { candidate, reference, windows, signal, mostLogits = defaultMostLogits } = options;
  const { vocabSize } = candidate;
  checkWindows(windows);
  const mostRows = Math.max(1, Math.floor(mostLogits / vocabSize));
  const compared: WindowComparison[] = [];
  for (const [index, window] of windows.entries()) {
    const tokens = window.length - 1;
    const found = emptyComparison(tokens, reference !== null);
    for (let first = 0; first < tokens; first += mostRows) {
      signal.throwIfAborted();
      const count = Math.min(mostRows, tokens - first);
      const expected = reference && (await reference.read(index, first, count));
      const logits = await candidate.read(index, first, count);
      for (let row = 0; row < count; row += 1) {
        const place = { at: first + row, target: window[first + row + 1]! };
        const rowOf = (values: Float32Array): Float32Array => values.subarray(row * vocabSize, (row + 1) * vocabSize);
        scoreRow(found, place, rowOf(logits), expected && rowOf(expected));
      }
    }
    compared.push(found);
  }
  return compared;
}

const emptyComparison = (tokens: number, isCompared: boolean): WindowComparison => ({
  candidateNll: new Float32Array(tokens),
  referenceNll: isCompared ? new Float32Array(tokens) : null,
  kld: isCompared ? new Float32Array(tokens) : null,
  sameTop: isCompared ? new Uint8Array(tokens) : null,
});

/** Puts the figures of one token, from logits [V] of one or both models, at `at`. */
function scoreRow(
  { candidateNll, referenceNll, kld, sameTop }: WindowComparison,
  { at, target }: { at: number; target: number },
  logits: Float32Array,
  expected: Float32Array | null,
): void {
  const own = normaliser(logits);
  candidateNll[at] = own.logSumExp - logits[target]!;
  if (!expected) return;
  const other = normaliser(expected);
  referenceNll![at] = other.logSumExp - expected[target]!;
  sameTop![at] = Number(own.top === other.top);
  // Sum of p (log p - log q).
  let divergence = 0;
  for (let token = 0; token < expected.length; token += 1) {
    const logP = expected[token]! - other.logSumExp;
    divergence += Math.exp(logP) * (logP - (logits[token]! - own.logSumExp));
  }
  kld![at] = divergence;
}

/** log Σ exp(logit), and the most likely token, the first of equals. */
function normaliser(logits: Float32Array): { logSumExp: number; top: number } {
  let top = 0;
  for (let token = 1; token < logits.length; token += 1) if (logits[token]! > logits[top]!) top = token;
  const most = logits[top]!;
  let sum = 0;
  for (let token = 0; token < logits.length; token += 1) sum += Math.exp(logits[token]! - most);
  return { logSumExp: most + Math.log(sum), top };
}
