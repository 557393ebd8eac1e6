// The header of a safetensors file: 8 bytes of length, then JSON that names every tensor's dtype, shape and place.
// Source: huggingface/safetensors README and safetensors/src/tensor.rs: no gap, no overlap, every byte used.
import { malformed } from '../../contract/errors.ts';
import type { ByteSource } from './byte-source.ts';
import { isJsonObject, parseJsonObject } from './json-object.ts';
import { elementCount } from './tensor.ts';
import type { TensorEntry } from './tensor.ts';

export interface SafetensorsHeader {
  /** Free text of the writer, `__metadata__` in the file. */
  metadata: ReadonlyMap<string, string>;
  /** In file order of the header; offsets count from the start of the file, shapes have the fastest dimension first. */
  tensors: TensorEntry[];
}

/** Bytes per element. The types of 8 bits or fewer have no arithmetic here: they are read as bytes. */
export const safetensorsTypes: ReadonlyMap<string, number> = new Map([
  ['F64', 8],
  ['F32', 4],
  ['F16', 2],
  ['BF16', 2],
  ['F8_E4M3', 1],
  ['F8_E5M2', 1],
  ['F8_E8M0', 1],
  ['I64', 8],
  ['I32', 4],
  ['I16', 2],
  ['I8', 1],
  ['U64', 8],
  ['U32', 4],
  ['U16', 2],
  ['U8', 1],
  ['BOOL', 1],
]);

/** Bytes of the length field. */
export const lengthBytes = 8;
export const metadataKey = '__metadata__';
/** The limit of the reference implementation. */
const longestHeader = 100_000_000;
/** PyTorch allows 64; no weight comes near. */
const mostDimensions = 16;

/**
 * Reads and checks the header of a safetensors file.
 * @throws FILE_MALFORMED with file, where, expected, actual and the tensor
 */
export async function readSafetensorsHeader(source: ByteSource, shard = 0): Promise<SafetensorsHeader> {
  const { name: file, size } = source;
  if (size < lengthBytes) {
    throw malformed(file, 'header length', {
      expected: `a file of ${lengthBytes} bytes or more`,
      actual: `${size} bytes`,
    });
  }
  const prefix = await source.read(0, lengthBytes);
  const stated = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  const most = Math.min(longestHeader, size - lengthBytes);
  if (stated > BigInt(most)) {
    throw malformed(file, 'header length', {
      expected: `at most ${most}, in a file of ${size} bytes`,
      actual: String(stated),
    });
  }
  const headerLength = Number(stated);
  const json = parseJsonObject(file, 'header', await source.read(lengthBytes, headerLength));

  const metadata = readMetadata(file, json[metadataKey]);
  const dataStart = lengthBytes + headerLength;
  const tensors = Object.entries(json)
    .filter(([name]) => name !== metadataKey)
    .map(([name, value]) => readTensor({ file, dataStart, shard }, name, value));
  checkPlaces(file, tensors, dataStart, size);
  return { metadata, tensors };
}

function readMetadata(file: string, value: unknown): Map<string, string> {
  if (value === undefined || value === null) return new Map();
  const entries = isJsonObject(value) ? Object.entries(value) : null;
  if (!entries || entries.some(([, text]) => typeof text !== 'string')) {
    throw malformed(file, metadataKey, {
      expected: 'an object of strings',
      actual: JSON.stringify(value).slice(0, 100),
      key: metadataKey,
    });
  }
  return new Map(entries as [string, string][]);
}

/** The file that a tensor's entry stands in. */
interface Place {
  file: string;
  dataStart: number;
  shard: number;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0);
}

function readTensor(place: Place, name: string, value: unknown): TensorEntry {
  function fail(expected: string, actual: unknown): never {
    const found = actual === undefined ? 'nothing' : JSON.stringify(actual).slice(0, 200);
    throw malformed(place.file, `tensor ${name}`, { expected, actual: found, tensor: name });
  }
  if (!isJsonObject(value)) fail('an object with dtype, shape and data_offsets', value);
  const { dtype, shape, data_offsets: offsets } = value;
  const elementBytes = typeof dtype === 'string' ? safetensorsTypes.get(dtype) : undefined;
  if (elementBytes === undefined) fail(`a dtype of ${[...safetensorsTypes.keys()].join(', ')}`, dtype);
  if (!isSizes(shape) || shape.length > mostDimensions) fail(`a shape of at most ${mostDimensions} sizes`, shape);
  if (!isSizes(offsets) || offsets.length !== 2) fail('data_offsets of two numbers', offsets);
  const [begin, end] = offsets as [number, number];
  if (begin > end) fail('data_offsets in rising order', offsets);
  const elements = elementCount(shape);
  const bytes = elements === null ? Infinity : elements * elementBytes;
  if (bytes !== end - begin) {
    fail(`data_offsets over the ${bytes} bytes of shape [${shape.join(', ')}] ${String(dtype)}`, offsets);
  }
  return {
    name,
    type: dtype as string,
    shape: shape.toReversed(),
    shard: place.shard,
    offset: place.dataStart + begin,
    bytes,
  };
}

/** Sorted by place, the tensors follow each other from the first data byte to the last of the file. */
function checkPlaces(file: string, tensors: readonly TensorEntry[], dataStart: number, size: number): void {
  let end = dataStart;
  for (const { name, offset, bytes } of tensors.toSorted((a, b) => a.offset - b.offset || a.bytes - b.bytes)) {
    const details = { tensor: name };
    if (offset + bytes > size) {
      throw malformed(file, `tensor ${name}`, {
        expected: `data within the ${size - dataStart} data bytes`,
        actual: `an end at ${offset + bytes - dataStart}`,
        ...details,
      });
    }
    if (offset !== end) {
      const what = offset < end ? 'an overlap with the tensor before' : 'a gap';
      throw malformed(file, `tensor ${name}`, {
        expected: `data from byte ${end - dataStart} on`,
        actual: `data from ${offset - dataStart}: ${what}`,
        ...details,
      });
    }
    end = offset + bytes;
  }
  if (end !== size) {
    throw malformed(file, 'data', {
      expected: `${end - dataStart} bytes, the sum of all tensors`,
      actual: `${size - dataStart} bytes`,
    });
  }
}
