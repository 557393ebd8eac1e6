// llama.cpp's importance matrix ("imatrix") as a GGUF file: per weight NAME.in_sum2 [columns, slices] float32, the sums
// of squared inputs, and NAME.counts [1, slices] float32, the rows that were summed. Slices are experts. Some weights of
// several slices have one count for all of them.
// Source: tools/imatrix/imatrix.cpp (save_imatrix), common/imatrix-loader.cpp and tools/quantize/quantize.cpp
// (load_imatrix) of llama.cpp v0.4.0.
import { AppError, malformed } from '../../contract/errors.ts';
import { openFileSource } from '../formats/file-source.ts';
import { openGguf, type GgufModel } from '../formats/gguf-reader.ts';
import { elementCount, type TensorEntry, type TensorShape } from '../formats/tensor.ts';

export const sumsSuffix = '.in_sum2';
export const countsSuffix = '.counts';
export const importanceKeys = {
  type: 'general.type',
  datasets: 'imatrix.datasets',
  chunkCount: 'imatrix.chunk_count',
  chunkSize: 'imatrix.chunk_size',
} as const;

/** Importance of one tensor. */
export interface TensorImportance {
  /** [slices, columns] float32: mean squared input per column; ones for a slice that saw no row. */
  means: Float32Array;
  /** Counts of zero: slices that saw no row. */
  unseenSlices: number;
}

export interface ImportanceFile {
  readonly path: string;
  readonly datasets: readonly string[];
  readonly chunkCount: number;
  readonly chunkSize: number;
  /** Weights in the file. */
  readonly names: readonly string[];
  has(name: string): boolean;
  /** @throws IMPORTANCE_MISMATCH when a weight of the file is not in the model, or has other columns or slices there */
  checkBelongsTo(tensors: readonly TensorShape[], model: string): void;
  /** Mean squares of a weight of the file, read now. @throws NON_FINITE, FILE_MALFORMED */
  read(name: string): Promise<TensorImportance>;
  close(): Promise<void>;
}

interface Pair {
  sums: TensorEntry;
  counts: TensorEntry;
}

/**
 * Opens an imatrix GGUF; reads its header only.
 * @throws FILE_MALFORMED for the legacy form (.dat), another kind of GGUF, or a weight with half its data
 */
export async function openImportance(path: string): Promise<ImportanceFile> {
  await refuseLegacy(path);
  const gguf = await openGguf(path);
  try {
    const pairs = collectPairs(gguf);
    return importanceFile(gguf, pairs);
  } catch (error) {
    await gguf.close();
    throw error;
  }
}

async function refuseLegacy(path: string): Promise<void> {
  const source = await openFileSource(path);
  try {
    const magic = await source.read(0, Math.min(4, source.size));
    if (Buffer.from(magic).toString('latin1') === 'GGUF') return;
  } finally {
    await source.close();
  }
  const advice = 'convert it with: llama-imatrix --in-file OLD.dat -o NEW.gguf';
  throw malformed(path, 'magic', {
    expected: 'an importance matrix in GGUF form',
    actual: `another file. If it is llama.cpp's older form (.dat), ${advice}`,
  });
}

function collectPairs(gguf: GgufModel): Map<string, Pair> {
  const { path, metadata } = gguf;
  const type = metadata.string(importanceKeys.type, null);
  if (type !== 'imatrix')
    throw malformed(path, `key ${importanceKeys.type}`, {
      expected: '"imatrix"',
      actual: type === null ? 'no such key' : JSON.stringify(type),
    });
  const entries = new Map(gguf.tensors.map((entry) => [entry.name, entry]));
  const pairs = new Map<string, Pair>();
  for (const entry of gguf.tensors) {
    const isCounts = entry.name.endsWith(countsSuffix);
    if (!isCounts && !entry.name.endsWith(sumsSuffix)) continue;
    const name = entry.name.slice(0, -(isCounts ? countsSuffix : sumsSuffix).length);
    const sums = entries.get(name + sumsSuffix);
    const counts = entries.get(name + countsSuffix);
    if (!sums || !counts) {
      throw malformed(path, `weight ${name}`, {
        expected: `both ${sumsSuffix} and ${countsSuffix}`,
        actual: `${isCounts ? countsSuffix : sumsSuffix} alone`,
        tensor: name,
      });
    }
    checkPair(path, name, { sums, counts });
    pairs.set(name, { sums, counts });
  }
  if (pairs.size === 0)
    throw malformed(path, 'tensors', { expected: `weights with ${sumsSuffix} and ${countsSuffix}`, actual: 'none' });
  return pairs;
}

function checkPair(path: string, name: string, { sums, counts }: Pair): void {
  for (const { name: part, type } of [sums, counts]) {
    if (type !== 'F32') throw malformed(path, `tensor ${part}`, { expected: 'type F32', actual: type, tensor: name });
  }
  const values = elementCount(sums.shape)!;
  const slices = elementCount(counts.shape)!;
  if (slices === 0 || values === 0 || values % slices !== 0) {
    throw malformed(path, `weight ${name}`, {
      expected: 'a whole number of columns for each count',
      actual: `${values} sums for ${slices} counts`,
      tensor: name,
    });
  }
}

function importanceFile(gguf: GgufModel, pairs: Map<string, Pair>): ImportanceFile {
  return {
    path: gguf.path,
    datasets: gguf.metadata.strings(importanceKeys.datasets, []),
    chunkCount: gguf.metadata.integer(importanceKeys.chunkCount, 0),
    chunkSize: gguf.metadata.integer(importanceKeys.chunkSize, 0),
    names: [...pairs.keys()],
    has: (name) => pairs.has(name),
    checkBelongsTo: (tensors, model) => checkBelongsTo(gguf.path, pairs, tensors, model),
    async read(name) {
      const pair = pairs.get(name);
      if (!pair) throw new RangeError(`${name} is not in ${gguf.path}`);
      const sums = await readFloats(gguf, pair.sums);
      const counts = await readFloats(gguf, pair.counts);
      return meanSquares({ file: gguf.path, name, sums, counts });
    },
    close: () => gguf.close(),
  };
}

/** Columns of a tensor's input and the slices that have one input each, as importance counts them. */
export function importanceShape(shape: readonly number[]): { columns: number; slices: number } {
  return { columns: shape[0] ?? 1, slices: shape.slice(2).reduce((product, size) => product * size, 1) };
}

function checkBelongsTo(
  path: string,
  pairs: ReadonlyMap<string, Pair>,
  tensors: readonly TensorShape[],
  model: string,
): void {
  const shapes = new Map(tensors.map((tensor) => [tensor.name, importanceShape(tensor.shape)]));
  for (const [name, { sums, counts }] of pairs) {
    const expected = shapes.get(name);
    // llama-imatrix also stores inputs of views, "NAME.weight (reshaped)"; no quantiser ever asks for those.
    if (!expected && !name.endsWith('.weight')) continue;
    const actual = { values: elementCount(sums.shape)!, counts: elementCount(counts.shape)! };
    // One count may stand for all slices: llama-imatrix writes weights of latent attention that way.
    const isSame =
      expected && actual.values === expected.columns * expected.slices && [1, expected.slices].includes(actual.counts);
    if (isSame) continue;
    const found = `${actual.values} values with ${actual.counts} counts`;
    const wanted = expected ? `${expected.columns} columns in ${expected.slices} slices` : 'no such tensor';
    throw new AppError(
      'IMPORTANCE_MISMATCH',
      `${path} does not belong to ${model}: for ${name} it has ${found}, the model has ${wanted}. Use importance made from this model.`,
      { file: path, model, tensor: name, expected: expected ?? null, actual },
    );
  }
}

async function readFloats(gguf: GgufModel, entry: TensorEntry): Promise<Float32Array> {
  const floats = new Float32Array(entry.bytes / Float32Array.BYTES_PER_ELEMENT);
  await gguf.readInto(entry, new Uint8Array(floats.buffer));
  return floats;
}

interface Sums {
  file: string;
  name: string;
  /** [slices, columns] */
  sums: Float32Array;
  /** [slices] */
  counts: Float32Array;
}

/**
 * Sums / counts in float32, in place, as llama-quantize divides them. A slice without rows gets ones.
 * @throws NON_FINITE, FILE_MALFORMED for a negative sum
 */
export function meanSquares({ file, name, sums, counts }: Sums): TensorImportance {
  const columns = sums.length / counts.length;
  let unseenSlices = 0;
  for (const [slice, given] of counts.entries()) {
    if (!Number.isFinite(given)) throw spoiled(file, name, `the count of slice ${slice}`, given);
    const values = sums.subarray(slice * columns, (slice + 1) * columns);
    const bad = values.findIndex((value) => !(value >= 0 && value < Infinity));
    if (bad !== -1) throw spoiled(file, name, `slice ${slice}, column ${bad}`, values[bad]!);
    // llama.cpp rounds counts to whole numbers; a double quotient rounded to float32 equals the float32 quotient.
    const count = Math.fround(roundHalfAway(given));
    if (count > 0) {
      for (let column = 0; column < columns; column += 1) values[column]! /= count;
    } else {
      values.fill(1);
      unseenSlices += 1;
    }
  }
  return { means: sums, unseenSlices };
}

/** C's lround for counts: halves go away from zero. */
function roundHalfAway(value: number): number {
  return Math.sign(value) * Math.floor(Math.abs(value) + 0.5);
}

function spoiled(file: string, tensor: string, where: string, value: number): AppError {
  if (Number.isFinite(value))
    return malformed(file, `${where} of ${tensor}`, { expected: 'a sum of squares', actual: String(value), tensor });
  const message = `${file} has ${value} as importance of ${tensor} (${where}). Make the importance again.`;
  return new AppError('NON_FINITE', message, { file, tensor, where, value: String(value) });
}
