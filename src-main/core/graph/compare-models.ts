// Two models over the same windows: per token the NLL of each, their KL divergence and whether they agree on the most
// likely token. The blocks of one model, then of the other, then both heads side by side (docs/graphs.md).
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import type { WindowComparison } from '../../contract/llama-host-api.ts';
import type { Progress } from '../../contract/progress.ts';
import type { Decoder } from '../architectures/decoder.ts';
import type { TensorEntry } from '../formats/tensor.ts';
import type { SlicedDecoder } from '../slicing/per-block/sliced-decoder.ts';
import { slicedHiddenStates } from '../slicing/per-block/sliced-forward.ts';
import { slicedHead } from '../slicing/per-block/sliced-head.ts';
import { residualShape } from './embed-windows.ts';
import { forward } from './forward.ts';
import type { ForwardOptions } from './forward.ts';
import { openHeadSlabs } from './head-slabs.ts';
import type { HeadSource } from './head-slabs.ts';
import { fileResidual, memoryResidual, residualRows } from './residual.ts';
import type { Residual, ResidualShape } from './residual.ts';
import { nextTokens, scoreTokens } from './token-scores.ts';
import type { TokenScores } from './token-scores.ts';

/** A model as it is, or one that was sliced block by block. */
export type ComparedModel = Decoder | SlicedDecoder;
const isSliced = (model: ComparedModel): model is SlicedDecoder => 'slicing' in model;
const headOf = (model: ComparedModel): HeadSource => (isSliced(model) ? slicedHead(model) : model);

export interface CompareOptions extends Pick<ForwardOptions, 'runtime' | 'dequantize' | 'signal' | 'progress'> {
  /** null: the candidate alone. */
  reference: ComparedModel | null;
  candidate: ComparedModel;
  /** Token ids, at least two a window; windows of several lengths are run at the longest. */
  windows: readonly Int32Array[];
  /** A folder for residuals that are too large for memory; it need not be there and stays. */
  scratch: string;
}

/** A model's residual up to this size stays in memory. */
const mostResidualBytes = 2 ** 28;

/**
 * Measures every token of `windows` that has a next one. Hidden sizes may differ.
 * @throws USAGE for other vocabularies or windows of one token; as forward
 */
export async function compareModels(options: CompareOptions): Promise<WindowComparison[]> {
  const { candidate, reference, windows, scratch, runtime, dequantize, signal } = options;
  checkRequest(options);
  const padded = padWindows(windows);
  const work = workProgress(options, padded.length * padded[0]!.length);
  const residuals: Residual[] = [];
  const names: string[] = [];
  async function hiddenStates(decoder: ComparedModel, side: string): Promise<Residual> {
    const open = (shape: ResidualShape, name = side): Promise<Residual> => {
      names.push(path.join(scratch, name));
      return openResidual(shape, names.at(-1)!);
    };
    const pass = { windows: padded, runtime, dequantize, signal, progress: work.layers(decoder) };
    if (isSliced(decoder)) {
      // Its residuals change their width: the next one is there before the last one goes.
      const openNext = (shape: ResidualShape): Promise<Residual> => open(shape, `${side}-${names.length}`);
      const residual = await slicedHiddenStates({ ...pass, decoder, openResidual: openNext });
      residuals.push(residual);
      return residual;
    }
    const residual = await open(residualShape(decoder, padded));
    residuals.push(residual);
    await forward({ ...pass, decoder, residual, nll: false });
    return residual;
  }
  try {
    const first = reference && (await hiddenStates(reference, 'reference'));
    const second = await hiddenStates(candidate, 'candidate');
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
    for (const residual of residuals) await residual.close();
    for (const name of names) await removeResidual(name);
  }
}

function checkRequest({ candidate, reference, windows }: CompareOptions): void {
  const short = windows.findIndex(({ length }) => length < 2);
  if (windows.length === 0 || short !== -1) {
    throw new AppError('USAGE', `Window ${short} has fewer than two tokens: there is no prediction to measure.`, {
      short,
    });
  }
  if (reference && reference.config.vocabSize !== candidate.config.vocabSize) {
    const [ours, theirs] = [candidate.config.vocabSize, reference.config.vocabSize];
    const message = `The models have vocabularies of ${ours} and ${theirs} tokens: only models of one vocabulary can be compared.`;
    throw new AppError('USAGE', message, { candidate: candidate.model.path, reference: reference.model.path });
  }
}

/** All windows at the length of the longest. What is put behind a window's end does not reach back: attention is causal. */
function padWindows(windows: readonly Int32Array[]): Int32Array[] {
  const longest = windows.reduce((most, { length }) => Math.max(most, length), 0);
  return windows.map((window) => {
    const padded = new Int32Array(longest);
    padded.set(window);
    return padded;
  });
}

const filesOf = (name: string): [string, string] => [`${name}-0.residual`, `${name}-1.residual`];

async function openResidual(shape: ResidualShape, name: string): Promise<Residual> {
  const bytes = residualRows(shape) * shape.hiddenSize * Float32Array.BYTES_PER_ELEMENT;
  if (bytes <= mostResidualBytes) return memoryResidual(shape);
  await mkdir(path.dirname(name), { recursive: true });
  return fileResidual(shape, { paths: filesOf(name), current: 0 });
}

async function removeResidual(name: string): Promise<void> {
  await Promise.all(filesOf(name).map((file) => rm(file, { force: true })));
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
  layers: (decoder: ComparedModel) => (progress: Progress) => void;
  onHeadRun: (rows: number, vocabulary: number) => void;
}

/** Progress in tokens through everything: a token counts by the share of the matrix elements it has met. */
function workProgress({ candidate, reference, progress }: CompareOptions, rows: number): WorkProgress {
  const models = reference ? [reference, candidate] : [candidate];
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
  const blocks = ({ layers }: ComparedModel): number =>
    sum(
      layers.flatMap((layer: ReadonlyMap<string, TensorEntry>) =>
        Array.from(layer.values(), ({ shape }) => shape.reduce((a, b) => a * b, 1)),
      ),
    );
  const headColumns = sum(models.map((model) => headOf(model).config.hiddenSize));
  const whole = sum(models.map(blocks)) + headColumns * candidate.config.vocabSize;
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
        met = before + done * blocks(decoder);
        report();
      };
    },
    onHeadRun: (count, vocabulary) => {
      met += count * vocabulary * headColumns;
      report();
    },
  };
}
