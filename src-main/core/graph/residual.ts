// The residual stream of all windows: [windows, T, D] float32, updated in place layer by layer.
import { AppError } from '../../contract/errors.ts';
import type { Decoder } from '../architectures/decoder.ts';
import { decodeFloats } from './float-values.ts';
import type { Dequantize } from './float-values.ts';

export interface Residual {
  data: Float32Array;
  windows: number;
  windowLength: number;
  hiddenSize: number;
}

/**
 * The embeddings of token windows of one length. The matrix is held in the file's type meanwhile.
 * @throws USAGE when windows differ in length or a token is not in the vocabulary, NON_FINITE
 */
export async function embedWindows(
  { model, embeddings, config }: Decoder,
  windows: readonly Int32Array[],
  dequantize: Dequantize,
): Promise<Residual> {
  const windowLength = windows[0]?.length ?? 0;
  const { hiddenSize, vocabSize } = config;
  if (windowLength === 0) throw new AppError('USAGE', 'A forward pass needs a window of at least one token.');
  for (const window of windows) {
    if (window.length !== windowLength) {
      throw new AppError('USAGE', `Windows have to be of one length: ${window.length} and ${windowLength} tokens.`);
    }
    const stranger = window.find((token) => token < 0 || token >= vocabSize);
    if (stranger !== undefined) {
      throw new AppError('USAGE', `Token ${stranger} is not in the vocabulary of ${vocabSize}.`, { token: stranger });
    }
  }
  const matrix = await model.read(embeddings);
  const rowBytes = embeddings.bytes / vocabSize;
  const data = new Float32Array(windows.length * windowLength * hiddenSize);
  const rows = new Uint8Array(windowLength * rowBytes);
  for (const [index, window] of windows.entries()) {
    window.forEach((token, place) =>
      rows.set(matrix.subarray(token * rowBytes, (token + 1) * rowBytes), place * rowBytes),
    );
    const start = index * windowLength * hiddenSize;
    await decodeFloats(embeddings, rows, dequantize, data.subarray(start, start + windowLength * hiddenSize));
  }
  return { data, windows: windows.length, windowLength, hiddenSize };
}

/** Tokens per run of a block that keep its values in the cache: two windows of 512 (docs/graphs.md). */
const tokensPerRun = 1024;

/** Whole windows of the residual, a run's worth at a time: `rows` tokens and their values, a view. */
export function* residualRuns({ data, windows, windowLength, hiddenSize }: Residual): Generator<{
  values: Float32Array;
  rows: number;
}> {
  const step = Math.max(1, Math.round(tokensPerRun / windowLength));
  for (let window = 0; window < windows; window += step) {
    const rows = Math.min(step, windows - window) * windowLength;
    const start = window * windowLength * hiddenSize;
    yield { values: data.subarray(start, start + rows * hiddenSize), rows };
  }
}
