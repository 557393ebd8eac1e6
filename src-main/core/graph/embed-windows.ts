// The first residual of token windows: rows of the embedding matrix, of which only those that occur are kept, and of a
// table of positions where places are learned. Of LayerNorm models both are without their mean (fusion.ts).
import { AppError } from '../../contract/errors.ts';
import type { Decoder } from '../architectures/decoder.ts';
import { decodeFloats, readFloatRows } from './float-values.ts';
import type { Dequantize } from './float-values.ts';
import { centreRows } from './fusion.ts';
import type { Residual, ResidualShape } from './residual.ts';
import type { WindowTrees } from './token-trees.ts';

/** Bytes of the matrix that are read at a time. */
const slabBytes = 2 ** 24;

/**
 * The shape of a residual for token windows of one length.
 * @throws USAGE when windows differ in length or reach farther than the model does, or a token is not in the vocabulary
 */
export function residualShape(
  { config }: Pick<Decoder, 'config'>,
  windows: readonly Int32Array[],
  trees?: WindowTrees,
): ResidualShape {
  const windowLength = windows[0]?.length ?? 0;
  const { hiddenSize, vocabSize, longestWindow } = config;
  if (windowLength === 0) throw new AppError('USAGE', 'A forward pass needs a window of at least one token.');
  const reach = positionsOf(windowLength, trees);
  if (longestWindow !== null && reach > longestWindow) {
    const message = `The model can be run on windows of up to ${longestWindow} tokens, not of ${reach}: positions end there, or attention no longer sees all.`;
    throw new AppError('USAGE', message, { longestWindow, windowLength: reach });
  }
  for (const window of windows) {
    if (window.length !== windowLength) {
      throw new AppError('USAGE', `Windows have to be of one length: ${window.length} and ${windowLength} tokens.`);
    }
    const stranger = window.find((token) => token < 0 || token >= vocabSize);
    if (stranger !== undefined) {
      throw new AppError('USAGE', `Token ${stranger} is not in the vocabulary of ${vocabSize}.`, { token: stranger });
    }
  }
  return { windows: windows.length, windowLength, hiddenSize };
}

/** Positions that windows have, from 0 on. */
const positionsOf = (windowLength: number, trees?: WindowTrees): number =>
  trees ? 1 + trees.positions.reduce((most, row) => row.reduce((a, b) => Math.max(a, b), most), 0) : windowLength;

const placesOf = ({ windowLength, hiddenSize }: ResidualShape, trees?: WindowTrees): Float32Array =>
  new Float32Array(positionsOf(windowLength, trees) * hiddenSize);

/** Fills a residual with the embeddings of `windows`. Memory: the rows that occur, in the file's type. @throws NON_FINITE */
export async function embedWindows(
  decoder: Pick<Decoder, 'model' | 'embeddings' | 'positions' | 'config' | 'architecture'>,
  { windows, trees }: { windows: readonly Int32Array[]; trees?: WindowTrees | undefined },
  dequantize: Dequantize,
  residual: Residual,
): Promise<void> {
  const { model, embeddings, positions, config, architecture } = decoder;
  const { windowLength, hiddenSize } = residual;
  const rowBytes = embeddings.bytes / config.vocabSize;
  const tokens = Int32Array.from(new Set(windows.flatMap((window) => Array.from(window)))).sort();
  const tableRows = new Map(Array.from(tokens, (token, place) => [token, place]));
  const table = model.gather
    ? await model.gather(embeddings, tokens)
    : await readRows(tokens, rowBytes, (first, length) => model.read(embeddings, first, length));
  const rows = new Uint8Array(windowLength * rowBytes);
  const values = new Float32Array(windowLength * hiddenSize);
  const isCentred = architecture.norm.kind === 'layernorm';
  const learned =
    positions && (await readFloatRows({ model, entry: positions, firstRow: 0 }, dequantize, placesOf(residual, trees)));
  if (learned && isCentred) centreRows(learned, hiddenSize);
  for (const [index, window] of windows.entries()) {
    for (const [row, token] of window.entries()) {
      const place = tableRows.get(token)! * rowBytes;
      rows.set(table.subarray(place, place + rowBytes), row * rowBytes);
    }
    const elementOf = (index: number): number =>
      window[Math.floor(index / hiddenSize)]! * hiddenSize + (index % hiddenSize);
    await decodeFloats({ entry: embeddings, elementOf }, rows, dequantize, values);
    if (isCentred) centreRows(values, hiddenSize);
    if (learned) addPlaces(values, learned, trees?.positions[index], hiddenSize);
    await residual.write(index * windowLength, values);
  }
  await residual.advance();
}

/** Adds to every row of `values` that of its position in `learned`; positions count the rows unless they are given. */
function addPlaces(
  values: Float32Array,
  learned: Float32Array,
  positions: Int32Array | undefined,
  hiddenSize: number,
): void {
  for (let row = 0; row * hiddenSize < values.length; row += 1) {
    const place = (positions?.[row] ?? row) * hiddenSize;
    for (let column = 0; column < hiddenSize; column += 1)
      values[row * hiddenSize + column]! += learned[place + column]!;
  }
}

/** The rows of sorted `tokens`, one after the other, as the file has them. */
async function readRows(
  tokens: Int32Array,
  rowBytes: number,
  read: (offset: number, length: number) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const table = new Uint8Array(tokens.length * rowBytes);
  const slabRows = Math.max(1, Math.floor(slabBytes / rowBytes));
  for (let place = 0; place < tokens.length;) {
    const first = tokens[place]!;
    let end = place;
    while (end < tokens.length && tokens[end]! < first + slabRows) end += 1;
    const slab = await read(first * rowBytes, (tokens[end - 1]! + 1 - first) * rowBytes);
    for (; place < end; place += 1) {
      const offset = (tokens[place]! - first) * rowBytes;
      table.set(slab.subarray(offset, offset + rowBytes), place * rowBytes);
    }
  }
  return table;
}
