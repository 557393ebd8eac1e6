// The check before the first slice of a model: rotated but not sliced (d = D) it has to be the same function (SliceGPT
// §3.1), whatever the rotation is. So a seeded one is taken, which needs no Gram; the rotated model is computed while it runs.
import { AppError } from '../../contract/errors.ts';
import type { Progress } from '../../contract/progress.ts';
import { openDecoder } from '../architectures/decoder.ts';
import type { Decoder } from '../architectures/decoder.ts';
import type { GraphRuntime } from '../graph/block-runner.ts';
import type { Dequantize } from '../graph/float-values.ts';
import { forward } from '../graph/forward.ts';
import type { ForwardResult } from '../graph/forward.ts';
import type { LinearAlgebra } from '../linear-algebra/linear-algebra.ts';
import { rotatedDecoder } from './rotated-decoder.ts';
import { seededRotation } from './seeded-rotation.ts';
import { sharedFormReason } from './shared-refusal.ts';
import { slicedSource } from './sliced-source.ts';

export interface InvarianceRequest {
  decoder: Decoder;
  /** Token ids, all of one length of at least two tokens. */
  windows: readonly Int32Array[];
  runtime: GraphRuntime;
  dequantize: Dequantize;
  linearAlgebra: LinearAlgebra;
  signal: AbortSignal;
  progress: (progress: Progress) => void;
}

export interface Invariance {
  tokens: number;
  /** Over the logits of the last position of every window. */
  largestLogit: number;
  largestLogitChange: number;
  /** The largest change that passes: a share of `largestLogit`. */
  tolerance: number;
  /** exp of the mean over windows of the mean NLL. */
  perplexityBefore: number;
  perplexityAfter: number;
  /** Largest change of one token's NLL in nats. */
  largestNllChange: number;
  passed: boolean;
  /** Largest |QᵀQ - I|. */
  orthogonality: number;
}

/**
 * What a rotation may change, as a share of the largest logit. Rounding in float32 on cpu: 0.5 to 2.2 millionths (nine
 * models of 2 to 30 layers). One tensor wrong by five per cent: 0.02 and more. The space above is for devices whose
 * products have shorter fractions (TF32: 2^-11).
 */
const toleratedShare = 5e-3;

/** Any rotation will do, and one that is the same every time is easier to look into. */
const seed = 0;

/** Rotates a model and compares over `windows`. A change is a result. @throws USAGE, NON_FINITE, as forward and seededRotation */
export async function checkInvariance(request: InvarianceRequest): Promise<Invariance> {
  const { decoder, windows, dequantize, linearAlgebra, signal } = request;
  if (windows.some(({ length }) => length < 2)) {
    throw new AppError('USAGE', 'A window of one token has no next token to compare: give at least two.');
  }
  const before = await run(request, 0, decoder);
  const rotation = await seededRotation(decoder.config.hiddenSize, seed, { linearAlgebra, signal });
  const options = { decoder, rotation, dequantize, linearAlgebra, signal };
  // What would be written where there is such a form, else what our own graphs run. In float64 a third of the check would
  // be products whose digits the forward in float32 cannot see.
  const rotated =
    sharedFormReason(decoder) === null
      ? openDecoder(await slicedSource({ ...options, arithmetic: 'float32', withTokenizer: false }))
      : await rotatedDecoder(options);
  const after = await run(request, 1, rotated);

  const largestLogit = largestDistance(before.rows, null);
  const largestLogitChange = largestDistance(before.rows, after.rows);
  const tolerance = toleratedShare * largestLogit;
  return {
    tokens: windows.length * windows[0]!.length,
    largestLogit,
    largestLogitChange,
    tolerance,
    perplexityBefore: perplexity(before.nll),
    perplexityAfter: perplexity(after.nll),
    largestNllChange: largestDistance(before.nll, after.nll),
    passed: largestLogitChange <= tolerance,
    orthogonality: rotation.orthogonality,
  };
}

/** NLL of every token and logits of every window's last position. `pass`: 0 for the dense model, 1 for the rotated one. */
async function run(
  { windows, runtime, dequantize, signal, progress }: InvarianceRequest,
  pass: 0 | 1,
  decoder: Decoder,
): Promise<ForwardResult> {
  const positions = windows.map(({ length }, window) => ({ window, position: length - 1 }));
  const report = (told: Progress): void => {
    const [done, total] = [told.done + pass * told.total, 2 * told.total];
    const secondsLeft = told.perSecond && (total - done) / told.perSecond;
    progress({ ...told, stage: 'invariance', done, total, secondsLeft });
  };
  const found = await forward({
    ...{ decoder, windows, runtime, dequantize, signal, positions, rowKind: 'logits', progress: report },
  });
  const what = pass === 0 ? 'The model' : 'The rotated model';
  for (const [name, values] of [['logit', found.rows] as const, ['NLL', found.nll] as const]) {
    const value = values.find((number) => !Number.isFinite(number));
    if (value === undefined) continue;
    const message = `${what} gives a ${name} of ${value} on these tokens: its weights, or their float32 sums, are not usable.`;
    throw new AppError('NON_FINITE', message, { path: decoder.model.path, value: String(value) });
  }
  return found;
}

/** Largest |left - right|, of `left` itself for null. */
function largestDistance(left: Float32Array, right: Float32Array | null): number {
  return left.reduce((most, value, index) => Math.max(most, Math.abs(value - (right?.[index] ?? 0))), 0);
}

/** Windows are of one length, so the mean of their means is the mean of all. */
const perplexity = (nll: Float32Array): number => Math.exp(nll.reduce((sum, value) => sum + value, 0) / nll.length);
