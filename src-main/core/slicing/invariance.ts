// The check before the first slice of a model: rotated but not sliced (d = D) it has to be the same function (SliceGPT
// §3.2). The rotated model is written as F32, read back and run, so that writer and reader are part of what is checked.
import { rm } from 'node:fs/promises';
import { openDecoder } from '../architectures/decoder.ts';
import type { Decoder } from '../architectures/decoder.ts';
import { openModel } from '../formats/model-source.ts';
import type { GraphRuntime } from '../graph/block-runner.ts';
import { forward } from '../graph/forward.ts';
import type { ForwardResult } from '../graph/forward.ts';
import { sliceShared } from './slice-shared.ts';
import type { SliceRequest } from './slice-shared.ts';

export interface InvarianceRequest extends Omit<SliceRequest, 'output' | 'type'> {
  /** Token ids, all of one length. */
  windows: readonly Int32Array[];
  runtime: GraphRuntime;
  /** Where the rotated model is for the time of the check. */
  scratch: string;
}

export interface Invariance {
  /** Over the logits of the last position of every window. */
  largestLogit: number;
  largestLogitChange: number;
  /** exp of the mean over windows of the mean NLL. */
  perplexityBefore: number;
  perplexityAfter: number;
  /** Largest change of one token's NLL in nats. */
  largestNllChange: number;
}

/** `rotation` has to be of full width. @throws as sliceShared and forward */
export async function checkInvariance(request: InvarianceRequest): Promise<Invariance> {
  const { decoder, scratch, windows } = request;
  const before = await run(decoder, request);
  try {
    await sliceShared({ ...request, output: scratch, type: 'F32' });
    const model = await openModel(scratch);
    try {
      const after = await run(openDecoder(model), request);
      return {
        largestLogit: largestDistance(before.rows, null),
        largestLogitChange: largestDistance(before.rows, after.rows),
        perplexityBefore: perplexity(before.nll, windows.length),
        perplexityAfter: perplexity(after.nll, windows.length),
        largestNllChange: largestDistance(before.nll, after.nll),
      };
    } finally {
      await model.close();
    }
  } finally {
    await rm(scratch, { force: true });
  }
}

function run(decoder: Decoder, request: InvarianceRequest): Promise<ForwardResult> {
  const { windows, runtime, dequantize, signal, progress } = request;
  const positions = windows.map(({ length }, window) => ({ window, position: length - 1 }));
  return forward({ decoder, windows, runtime, dequantize, signal, progress, positions, rowKind: 'logits' });
}

/** Largest |left - right|, of `left` itself for null. NaN where a value is. */
function largestDistance(left: Float32Array, right: Float32Array | null): number {
  return left.reduce((most, value, index) => Math.max(most, Math.abs(value - (right?.[index] ?? 0))), 0);
}

/** Windows are of one length, so the mean of their means is the mean of all. */
const perplexity = (nll: Float32Array, windows: number): number =>
  windows === 0 ? NaN : Math.exp(nll.reduce((sum, value) => sum + value, 0) / nll.length);
