// Multiple choice on a model's own block graphs: the sum of log-probabilities of every continuation after its context. Items
// are packed into windows and share their beginnings (token-trees.ts); only rows that predict a continuation reach the head.
import { AppError } from '../../contract/errors.ts';
import type { TaskItem } from '../evaluation/tasks.ts';
import type { ForwardOptions } from './forward.ts';
import { openHeadSlabs } from './head-slabs.ts';
import { headOf, hiddenStates, layerElements } from './hidden-states.ts';
import type { RunnableModel } from './hidden-states.ts';
import { memoryResidual } from './residual.ts';
import type { Residual } from './residual.ts';
import { ScratchResiduals } from './scratch-residuals.ts';
import { packSequences } from './token-trees.ts';
import type { PackedSequences } from './token-trees.ts';
import { scoreTokens } from './token-scores.ts';

export interface ContinuationOptions extends Pick<ForwardOptions, 'runtime' | 'dequantize' | 'signal' | 'progress'> {
  model: RunnableModel;
  /** Token ids; neither part is empty. */
  items: readonly TaskItem[];
  /** A folder for residuals that are too large for memory; it need not be there and stays. */
  scratch: string;
}

export interface ContinuationScores {
  /** [items] in nats, summed in float64. */
  logLikelihoods: Float64Array;
  /** Rows that went through the blocks: shared beginnings once, and the ends of windows that nothing fits in. */
  tokens: number;
}

/** Tokens of a window: four make a run, and about 5 % of a window stays empty on questions of 10 to 60 tokens. */
const windowLength = 256;
/** Rows that are gathered for the head at a time, 32,768 · D · 4 bytes: the output layer is read once for each. */
const gatheredRows = 2 ** 15;

/**
 * Scores `items`, in their order.
 * @throws USAGE for an empty part, a token that is not in the vocabulary, or an item that is longer than the model's
 * longest window; NON_FINITE naming the item; as forward
 */
export async function scoreContinuations(options: ContinuationOptions): Promise<ContinuationScores> {
  const { model, items, scratch, runtime, dequantize, signal } = options;
  checkItems(items, model.config.vocabSize);
  // Nothing is predicted behind the last token.
  const packed = packSequences(
    items.map(({ context, continuation }) => Int32Array.of(...context, ...continuation.subarray(0, -1))),
    windowLength,
  );
  const predictions = predictionsOf(items, packed);
  const tokens = packed.windows.length * packed.windows[0]!.length;
  const work = itemProgress(options, { tokens, predictions: predictions.rows.length });
  const residuals = new ScratchResiduals(scratch);
  try {
    const pass = { ...packed, runtime, dequantize, signal, progress: work.onLayers };
    const states = await hiddenStates(model, pass, (shape) => residuals.open(shape, 'items'));
    const slabs = await openHeadSlabs({ decoders: { candidate: headOf(model) }, runtime, dequantize });
    const logLikelihoods = new Float64Array(items.length);
    try {
      for (let first = 0; first < predictions.rows.length; first += gatheredRows) {
        const rows = predictions.rows.subarray(first, first + gatheredRows);
        const targets = predictions.targets.subarray(first, first + gatheredRows);
        const candidate = await gathered(states, rows);
        const scores = await scoreTokens({ slabs, residuals: { candidate }, targets, signal, onRun: work.onHeadRun });
        const { targetLogit, logSumExp } = scores.candidate;
        for (const index of rows.keys())
          logLikelihoods[predictions.items[first + index]!]! += targetLogit[index]! - logSumExp[index]!;
      }
    } finally {
      await slabs.close();
    }
    checkFinite(logLikelihoods, model);
    return { logLikelihoods, tokens };
  } finally {
    await residuals.close();
  }
}

function checkItems(items: readonly TaskItem[], vocabSize: number): void {
  if (items.length === 0) throw new AppError('USAGE', 'There are no items to score.');
  for (const [item, { context, continuation }] of items.entries()) {
    if (context.length === 0 || continuation.length === 0) {
      const part = context.length === 0 ? 'context' : 'continuation';
      throw new AppError(
        'USAGE',
        `Item ${item} has an empty ${part}: there is no token to predict, or none to predict from.`,
        {
          item,
        },
      );
    }
    // The others are looked up, and checked there.
    const last = continuation.at(-1)!;
    if (last < 0 || last >= vocabSize) {
      throw new AppError('USAGE', `Token ${last} of item ${item} is not in the vocabulary of ${vocabSize}.`, {
        item,
        token: last,
      });
    }
  }
}

function checkFinite(logLikelihoods: Float64Array, { model }: RunnableModel): void {
  const item = logLikelihoods.findIndex((value) => !Number.isFinite(value));
  if (item === -1) return;
  const message = `${model.path} gives no finite probability for item ${item}.`;
  throw new AppError('NON_FINITE', message, { file: model.path, item });
}

/** For every token of every continuation [P]: the row in front of it, the token, and its item. */
interface Predictions {
  rows: Int32Array;
  targets: Int32Array;
  items: Int32Array;
}

function predictionsOf(items: readonly TaskItem[], { rows }: PackedSequences): Predictions {
  const count = items.reduce((sum, { continuation }) => sum + continuation.length, 0);
  const found = { rows: new Int32Array(count), targets: new Int32Array(count), items: new Int32Array(count) };
  let place = 0;
  for (const [item, { context, continuation }] of items.entries()) {
    found.rows.set(rows[item]!.subarray(context.length - 1), place);
    found.targets.set(continuation, place);
    found.items.fill(item, place, place + continuation.length);
    place += continuation.length;
  }
  return found;
}

async function gathered(states: Residual, rows: Int32Array): Promise<Residual> {
  const { hiddenSize } = states;
  const chosen = memoryResidual({ windows: rows.length, windowLength: 1, hiddenSize });
  for (const [index, row] of rows.entries()) await chosen.write(index, await states.read(row, 1));
  return chosen;
}

interface ItemProgress {
  onLayers: NonNullable<ForwardOptions['progress']>;
  onHeadRun: (rows: number, vocabulary: number) => void;
}

/** Progress in items through everything: they count by the share of the products of rows and matrix elements. */
function itemProgress(
  { model, items, progress }: ContinuationOptions,
  { tokens, predictions }: { tokens: number; predictions: number },
): ItemProgress {
  const inLayers = layerElements(model);
  const { hiddenSize, vocabSize } = headOf(model).config;
  const whole = tokens * inLayers + predictions * hiddenSize * vocabSize;
  const start = performance.now();
  const total = items.length;
  let inHead = 0;
  const report = (met: number): void => {
    const done = Math.min(total, (total * met) / whole);
    const perSecond = done / Math.max(1e-3, (performance.now() - start) / 1000);
    const secondsLeft = (total - done) / perSecond;
    progress?.({ stage: 'evaluate', done, total, unit: 'items', perSecond, secondsLeft });
  };
  return {
    onLayers: ({ done }) => report(done * inLayers),
    onHeadRun: (rows, vocabulary) => {
      inHead += rows * vocabulary * hiddenSize;
      report(tokens * inLayers + inHead);
    },
  };
}
