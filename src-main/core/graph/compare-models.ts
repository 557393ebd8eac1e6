// Two models over the same windows: per token the NLL of each, their KL divergence and whether they agree on the most
// likely token. The blocks of one model, then of the other, then both heads side by side (docs/graphs.md).
import { AppError } from '../../contract/errors.ts';
import type { WindowComparison } from '../../contract/llama-host-api.ts';
import type { Progress } from '../../contract/progress.ts';
import { residualShape } from './embed-windows.ts';
import type { ForwardOptions } from './forward.ts';
import { hasStates, keepStates, loadStates } from './kept-states.ts';
import { openHeadSlabs } from './head-slabs.ts';
import { headOf, hiddenStates, isSliced, layerElements } from './hidden-states.ts';
import type { RunnableModel } from './hidden-states.ts';
import type { Residual, ResidualShape } from './residual.ts';
import { ScratchResiduals } from './scratch-residuals.ts';
import { nextTokens, scoreTokens } from './token-scores.ts';
import type { TokenScores } from './token-scores.ts';

export interface CompareOptions extends Pick<ForwardOptions, 'runtime' | 'dequantize' | 'signal' | 'progress'> {
  /** null: the candidate alone. */
  reference: RunnableModel | null;
  candidate: RunnableModel;
  /** Token ids, at least two a window; windows of several lengths are run at the longest. */
  windows: readonly Int32Array[];
  /** A folder for residuals that are too large for memory; it need not be there and stays. */
  scratch: string;
  /** A file for the hidden states of the reference over these windows: taken from it, or left there where it is not there. */
  keptReference?: string | null | undefined;
  /** Called with the time that the blocks of the reference took. */
  onReference?: (seconds: number) => void;
}

/**
 * Measures every token of `windows` that has a next one. Hidden sizes may differ.
 * @throws USAGE for other vocabularies or windows of one token; as forward
 */
export async function compareModels(options: CompareOptions): Promise<WindowComparison[]> {
  const { candidate, reference, windows, scratch, runtime, dequantize, signal } = options;
  checkWindows(windows);
  if (reference) checkVocabularies(vocabularyOf(candidate), vocabularyOf(reference));
  const padded = padWindows(windows);
  const kept = await keptStates(options, padded);
  const work = workProgress(options, { rows: padded.length * padded[0]!.length, isKept: kept?.isThere === true });
  const scratchResiduals = new ScratchResiduals(scratch);
  const hidden = (model: RunnableModel, side: string): Promise<Residual> => {
    const pass = { windows: padded, runtime, dequantize, signal, progress: work.layers(model) };
    return hiddenStates(model, pass, (shape) => scratchResiduals.open(shape, side));
  };
  const referenceStates = async (model: RunnableModel): Promise<Residual> => {
    if (kept?.isThere) {
      const residual = await scratchResiduals.open(kept.shape, 'reference');
      await loadStates(kept.file, residual);
      return residual;
    }
    const residual = await hidden(model, 'reference');
    if (kept) await keepStates(kept.file, residual);
    return residual;
  };
  try {
    const start = performance.now();
    const first = reference && (await referenceStates(reference));
    options.onReference?.((performance.now() - start) / 1000);
    const second = await hidden(candidate, 'candidate');
    const decoders = { candidate: headOf(candidate), ...(reference && { reference: headOf(reference) }) };
    const slabs = await openHeadSlabs({ decoders, runtime, dequantize });
    try {
      const scores = await scoreTokens({
        slabs,
        residuals: { candidate: second, ...(first && { reference: first }) },
        targets: nextTokens(windows, second.windowLength),
        signal,
        onRun: work.onHeadRun,
      });
      return windows.map((window, index) => windowComparison(scores, index * second.windowLength, window.length - 1));
    } finally {
      await slabs.close();
    }
  } finally {
    await scratchResiduals.close();
  }
}

const vocabularyOf = ({ model, config }: RunnableModel): Vocabulary => ({ file: model.path, size: config.vocabSize });

/** @throws USAGE for windows of one token */
export function checkWindows(windows: readonly Int32Array[]): void {
  const short = windows.findIndex(({ length }) => length < 2);
  if (windows.length === 0 || short !== -1) {
    throw new AppError('USAGE', `Window ${short} has fewer than two tokens: there is no prediction to measure.`, {
      short,
    });
  }
}

interface Vocabulary {
  file: string;
  size: number;
}

/** @throws USAGE for vocabularies of two sizes */
export function checkVocabularies(candidate: Vocabulary, reference: Vocabulary): void {
  if (candidate.size === reference.size) return;
  const message = `The models have vocabularies of ${candidate.size} and ${reference.size} tokens: only models of one vocabulary can be compared.`;
  throw new AppError('USAGE', message, { candidate: candidate.file, reference: reference.file });
}

interface KeptStates {
  file: string;
  shape: ResidualShape;
  isThere: boolean;
}

/** The file of a dense reference's states, where one was named: those of sliced models are not kept. @throws INTERNAL */
async function keptStates(
  { reference, keptReference = null }: CompareOptions,
  padded: readonly Int32Array[],
): Promise<KeptStates | null> {
  if (!reference || keptReference === null || isSliced(reference)) return null;
  const shape = residualShape(reference, padded);
  return { file: keptReference, shape, isThere: await hasStates(keptReference, shape) };
}

/** All windows at the length of the longest. What is put behind a window's end does not reach back: attention is causal. */
export function padWindows(windows: readonly Int32Array[]): Int32Array[] {
  const longest = windows.reduce((most, { length }) => Math.max(most, length), 0);
  return windows.map((window) => {
    const padded = new Int32Array(longest);
    padded.set(window);
    return padded;
  });
}

function windowComparison({ candidate, reference, kld }: TokenScores, start: number, tokens: number): WindowComparison {
  const rows = Array.from({ length: tokens }, (_, index) => start + index);
  const nll = ({ logSumExp, targetLogit }: TokenScores['candidate']): Float32Array =>
    Float32Array.from(rows, (row) => logSumExp[row]! - targetLogit[row]!);
  return {
    candidateNll: nll(candidate),
    referenceNll: reference && nll(reference),
    kld: kld && Float32Array.from(rows, (row) => kld[row]!),
    sameTop: reference && Uint8Array.from(rows, (row) => Number(candidate.topToken[row] === reference.topToken[row])),
  };
}

interface WorkProgress {
  /** Takes a forward pass's progress through the layers of one model. */
  layers: (decoder: RunnableModel) => (progress: Progress) => void;
  onHeadRun: (rows: number, vocabulary: number) => void;
}

/** Progress in tokens through everything: a token counts by the share of the matrix elements it has met. */
function workProgress(
  { candidate, reference, progress }: CompareOptions,
  { rows, isKept }: { rows: number; isKept: boolean },
): WorkProgress {
  const models = reference ? [reference, candidate] : [candidate];
  const run = isKept ? [candidate] : models;
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
  const headColumns = sum(models.map((model) => headOf(model).config.hiddenSize));
  const whole = sum(run.map(layerElements)) + headColumns * candidate.config.vocabSize;
  const start = performance.now();
  /** Products of a row and a matrix element so far. */
  let met = 0;
  const report = (): void => {
    const done = Math.min(rows, met / whole);
    const perSecond = done / Math.max(1e-3, (performance.now() - start) / 1000);
    progress?.({
      stage: 'evaluate',
      done,
      total: rows,
      unit: 'tokens',
      perSecond,
      secondsLeft: (rows - done) / perSecond,
    });
  };
  return {
    layers: (decoder) => {
      const before = met;
      return ({ done }) => {
        met = before + done * layerElements(decoder);
        report();
      };
    },
    onHeadRun: (count, vocabulary) => {
      met += count * vocabulary * headColumns;
      report();
    },
  };
}
