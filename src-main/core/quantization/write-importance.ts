// Writes llama.cpp's imatrix GGUF from raw sums of squares, as llama-imatrix lays it out: weights by name, each as
// sums then counts. The form is described in importance-file.ts.
import { AppError, malformed } from '../../contract/errors.ts';
import type { StatisticsEntry } from '../../contract/llama-host-api.ts';
import type { ByteSource } from '../formats/byte-source.ts';
import { createGgufWriter, ggufLayout } from '../formats/gguf-writer.ts';
import { GgufMetadata } from '../formats/gguf-values.ts';
import { StringList } from '../formats/string-list.ts';
import type { TensorShape } from '../formats/tensor.ts';
import { countsSuffix, importanceKeys, sumsSuffix } from './importance-file.ts';

export interface WriteImportanceRequest {
  /** Float32 values: per entry sums of squares [slices, columns], then counts [slices]. */
  raw: ByteSource;
  entries: readonly StatisticsEntry[];
  output: string;
  datasets: readonly string[];
  chunks: number;
  chunkSize: number;
  signal: AbortSignal;
}

/** @throws NON_FINITE with the weight, FILE_MALFORMED when `raw` is too short, OUTPUT_EXISTS, DISK_FULL, CANCELLED */
export async function writeImportance(
  request: WriteImportanceRequest,
): Promise<{ fileBytes: number; sha256: string; weights: number; unseenExperts: number }> {
  const { raw, output, signal } = request;
  const entries = [...request.entries].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  if (entries.length === 0)
    throw new AppError('USAGE', 'There are no statistics to write: no weight of the model was seen.');
  const writer = await createGgufWriter(output, ggufLayout(metadataOf(request), entries.flatMap(tensorsOf)));
  let unseenExperts = 0;
  try {
    for (const entry of entries) {
      signal.throwIfAborted();
      const { sums, counts } = await readEntry(raw, entry);
      unseenExperts += counts.filter((count) => count === 0).length;
      await writer.writeTensor(entry.name + sumsSuffix, bytesOf(sums));
      await writer.writeTensor(entry.name + countsSuffix, bytesOf(counts));
    }
    return { ...(await writer.finish()), weights: entries.length, unseenExperts };
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

function metadataOf({ output, datasets, chunks, chunkSize }: WriteImportanceRequest): GgufMetadata {
  return new GgufMetadata(output)
    .set(importanceKeys.type, { type: 'string', value: 'imatrix' })
    .set(importanceKeys.datasets, { type: 'array', itemType: 'string', value: StringList.from(datasets) })
    .set(importanceKeys.chunkCount, { type: 'uint32', value: chunks })
    .set(importanceKeys.chunkSize, { type: 'uint32', value: chunkSize });
}

/** ggml writes no trailing dimensions of 1. */
function tensorsOf({ name, columns, slices }: StatisticsEntry): TensorShape[] {
  return [
    { name: name + sumsSuffix, type: 'F32', shape: slices === 1 ? [columns] : [columns, slices] },
    { name: name + countsSuffix, type: 'F32', shape: slices === 1 ? [1] : [1, slices] },
  ];
}

async function readEntry(
  raw: ByteSource,
  { name, columns, slices, offset }: StatisticsEntry,
): Promise<{ sums: Float32Array; counts: Float32Array }> {
  const values = new Float32Array(slices * columns + slices);
  await raw.readInto(bytesOf(values), offset * Float32Array.BYTES_PER_ELEMENT);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad !== -1) {
    const value = String(values[bad]);
    throw new AppError(
      'NON_FINITE',
      `The inputs of ${name} sum to ${value}: the model gives no usable numbers on this text.`,
      { tensor: name, value },
    );
  }
  const negative = values.findIndex((value) => value < 0);
  if (negative !== -1)
    throw malformed(raw.name, `statistics of ${name}`, {
      expected: 'sums of squares and counts',
      actual: String(values[negative]),
      tensor: name,
    });
  return { sums: values.subarray(0, slices * columns), counts: values.subarray(slices * columns) };
}

function bytesOf(values: Float32Array<ArrayBuffer>): Uint8Array<ArrayBuffer>;
function bytesOf(values: Float32Array): Uint8Array;
function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
