// Parses the header of one GGUF file: counts, metadata, tensor infos. Tensor data is never touched.
// Source: ggml/src/gguf.cpp (gguf_init_from_reader) and the GGUF specification; versions 2 and 3, little endian.
import type { ByteSource } from './byte-source.ts';
import { ByteCursor, WindowTooSmall } from './byte-cursor.ts';
import { ggmlTypeById } from './ggml-types.ts';
import { readKeyValue } from './gguf-value-reader.ts';
import { GgufMetadata } from './gguf-values.ts';
import type { GgufValue } from './gguf-values.ts';
import { elementCount, findOverlap } from './tensor.ts';
import type { TensorEntry } from './tensor.ts';
import { malformed } from '../../contract/errors.ts';

export interface GgufHeader {
  version: number;
  /** Bytes; every tensor starts at a multiple of it, counted from the start of the data. */
  alignment: number;
  metadata: GgufMetadata;
  /** Offsets count from the start of the file. */
  tensors: TensorEntry[];
}

export interface GgufHeaderOptions {
  /** The file may end before its tensor data does, as a downloaded header does. */
  headerOnly?: boolean;
  /** Goes into the entries. */
  shard?: number;
  /** Bytes that are read first; four times as many as long as they are too few. @default 4 MiB */
  firstWindow?: number;
}

export const defaultAlignment = 32;
/** GGML_MAX_NAME less its final zero: llama.cpp loads no longer name. */
export const longestTensorName = 63;
const mostDimensions = 4;
/** Headers of 2026 have up to 35 MB (a whole tokenizer.json as one string); memory use is a few times the header. */
const longestHeader = 256 * 2 ** 20;
/** A 1.6 TB mixture of 384 experts, each tensor by itself, has about 92,000. */
const mostTensors = 2 ** 18;
/** Models have below 100. */
const mostKeys = 2 ** 16;
const usualFirstWindow = 4 * 2 ** 20;
const windowGrowth = 4;
/** Bytes of the shortest key-value (one-letter key, one-byte value) and tensor info (no name, no dimensions). */
const leastKeyValueBytes = 14;
const leastTensorBytes = 24;

/**
 * Reads and checks the header of a GGUF file: every count against the bytes left, offsets against the file, the
 * alignment and each other.
 * @throws FILE_MALFORMED with file, where, expected, actual and the key or tensor
 */
export async function readGgufHeader(source: ByteSource, options: GgufHeaderOptions = {}): Promise<GgufHeader> {
  let windowBytes = options.firstWindow ?? usualFirstWindow;
  for (;;) {
    const window = await source.read(0, Math.min(windowBytes, source.size));
    try {
      return parseHeader(new ByteCursor(source.name, window, source.size), options);
    } catch (error) {
      if (!(error instanceof WindowTooSmall)) throw error;
      if (error.needed > longestHeader) {
        throw malformed(source.name, 'header', {
          expected: `at most ${longestHeader} bytes`,
          actual: `${error.needed} bytes or more`,
        });
      }
      windowBytes = Math.min(longestHeader, Math.max(windowBytes * windowGrowth, error.needed));
    }
  }
}

function parseHeader(cursor: ByteCursor, options: GgufHeaderOptions): GgufHeader {
  const version = readVersion(cursor);
  cursor.enter('tensor count');
  const tensorCount = cursor.count('tensors', leastTensorBytes);
  if (tensorCount > mostTensors) cursor.fail(`at most ${mostTensors} tensors`, String(tensorCount));
  cursor.enter('key-value count');
  const keyCount = cursor.count('key-values', leastKeyValueBytes);
  if (keyCount > mostKeys) cursor.fail(`at most ${mostKeys} key-values`, String(keyCount));

  const metadata = readMetadata(cursor, keyCount);
  const alignment = readAlignment(metadata);
  const tensors = readTensors(cursor, tensorCount, options.shard ?? 0);
  placeTensors(cursor, tensors, alignment, options.headerOnly ?? false);
  return { version, alignment, metadata, tensors };
}

function readVersion(cursor: ByteCursor): number {
  cursor.enter('magic');
  const magic = String.fromCharCode(...cursor.bytes(4));
  if (magic !== 'GGUF') cursor.fail('"GGUF"', JSON.stringify(magic));
  cursor.enter('version');
  const version = cursor.uint32();
  if (version !== 0 && (version & 0xffff) === 0) {
    cursor.fail('a little-endian file', 'a big-endian one: convert it again for this machine');
  }
  if (version !== 2 && version !== 3) cursor.fail('2 or 3', String(version));
  return version;
}

function readMetadata(cursor: ByteCursor, count: number): GgufMetadata {
  const values = new Map<string, GgufValue>();
  const budget = { nestedArrays: 0 };
  for (let index = 0; index < count; index += 1) {
    const [key, value] = readKeyValue(cursor, index, budget);
    if (values.has(key)) cursor.fail('each key once', 'the key a second time');
    values.set(key, value);
  }
  return new GgufMetadata(cursor.file, values);
}

/** @throws FILE_MALFORMED unless it is a power of two of at least 8 */
function readAlignment(metadata: GgufMetadata): number {
  const key = 'general.alignment';
  const value = metadata.get(key);
  if (value === undefined) return defaultAlignment;
  const isValid = value.type === 'uint32' && value.value >= 8 && Number.isInteger(Math.log2(value.value));
  if (!isValid) {
    const actual = value.type === 'array' ? 'an array' : `${value.type} ${String(value.value)}`;
    throw malformed(metadata.file, `key ${key}`, {
      expected: 'a uint32 that is a power of two, at least 8',
      actual,
      key,
    });
  }
  return value.value;
}

function readTensors(cursor: ByteCursor, count: number, shard: number): TensorEntry[] {
  const tensors: TensorEntry[] = [];
  const names = new Set<string>();
  for (let index = 0; index < count; index += 1) {
    const tensor = readTensor(cursor, index, shard);
    if (names.has(tensor.name)) cursor.fail('each tensor once', 'the name a second time');
    names.add(tensor.name);
    tensors.push(tensor);
  }
  return tensors;
}

const nameDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function readTensor(cursor: ByteCursor, index: number, shard: number): TensorEntry {
  cursor.enter(`name of tensor ${index}`, { tensor: index });
  const length = cursor.count('bytes', 1);
  if (length > longestTensorName) cursor.fail(`at most ${longestTensorName} bytes`, `${length} bytes`);
  const nameBytes = cursor.bytes(length);
  let name: string;
  try {
    name = nameDecoder.decode(nameBytes);
  } catch {
    cursor.fail('UTF-8', 'other bytes');
  }
  cursor.enter(`tensor ${name}`, { tensor: name });

  const dimensions = cursor.uint32();
  if (dimensions > mostDimensions) cursor.fail(`at most ${mostDimensions} dimensions`, String(dimensions));
  cursor.need(dimensions * 8);
  const shape = Array.from({ length: dimensions }, () => cursor.uint64('a dimension'));
  const typeId = cursor.uint32();
  const type = ggmlTypeById(typeId);
  if (!type) cursor.fail('a tensor type of ggml v0.4.0', `type ${typeId}`);
  const rowLength = shape[0] ?? 1;
  if (rowLength % type.blockSize !== 0) {
    cursor.fail(`rows of ${type.name} that are multiples of ${type.blockSize}`, `rows of ${rowLength}`);
  }
  const elements = elementCount(shape);
  const bytes = elements === null ? Infinity : (elements / type.blockSize) * type.typeSize;
  if (!Number.isSafeInteger(bytes)) {
    cursor.fail('a size below 2^53 bytes', `shape ${shape.join(' x ')} of ${type.name}`);
  }
  return { name, type: type.name, shape, shard, offset: cursor.uint64('an offset'), bytes };
}

/** Turns offsets in the data into offsets in the file, after checking them. */
function placeTensors(cursor: ByteCursor, tensors: TensorEntry[], alignment: number, headerOnly: boolean): void {
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  for (const tensor of tensors) {
    cursor.enter(`tensor ${tensor.name}`, { tensor: tensor.name });
    if (tensor.offset % alignment !== 0) {
      cursor.fail(`an offset that is a multiple of ${alignment}`, String(tensor.offset));
    }
    tensor.offset += dataStart;
    const end = tensor.offset + tensor.bytes;
    if (!Number.isSafeInteger(end)) cursor.fail('an end below 2^53', String(end));
    if (!headerOnly && end > cursor.fileBytes) {
      cursor.fail(`data up to byte ${end}`, `a file of ${cursor.fileBytes} bytes`);
    }
  }
  const overlap = findOverlap(tensors);
  if (overlap) {
    const [before, tensor] = overlap;
    cursor.enter(`tensor ${tensor.name}`, { tensor: tensor.name });
    cursor.fail(`an offset of ${before.offset + before.bytes} or more, behind ${before.name}`, String(tensor.offset));
  }
}
