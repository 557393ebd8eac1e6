// Plans safetensors files: the header and the place of every tensor, and how tensors spread over shards.
// Source: huggingface/safetensors, safetensors/src/tensor.rs (prepare); shards as transformers names them.
import { AppError } from '../../contract/errors.ts';
import { lengthBytes, metadataKey, safetensorsTypes } from './safetensors-header.ts';
import type { FileLayout } from './tensor-writer.ts';
import { elementCount } from './tensor.ts';
import type { TensorEntry, TensorShape } from './tensor.ts';

/** The header ends at a multiple of this, so that the data of the widest type is aligned in memory. */
const headerAlignment = 8;

/** Bytes of a tensor in a safetensors file. @throws UNSUPPORTED_TYPE when the format has no such type */
export function safetensorsBytes({ name, type, shape }: TensorShape): number {
  const elementBytes = safetensorsTypes.get(type);
  const bytes = (elementCount(shape) ?? Infinity) * (elementBytes ?? NaN);
  if (!Number.isSafeInteger(bytes) || name === metadataKey) {
    throw new AppError(
      'UNSUPPORTED_TYPE',
      `${name} cannot be written to safetensors as ${type} of shape ${shape.join(' x ')}.`,
      { tensor: name, type, shape: [...shape] },
    );
  }
  return bytes;
}

/**
 * Lays out one file. Shapes come with the fastest dimension first and are turned round for the file. Tensors are
 * sorted by element size, widest first, so that each is aligned without gaps, which the format forbids.
 * @throws UNSUPPORTED_TYPE
 */
export function safetensorsLayout(
  tensors: readonly TensorShape[],
  metadata: Readonly<Record<string, string>> = {},
  shard = 0,
): FileLayout {
  const sorted = tensors.toSorted((a, b) => (safetensorsTypes.get(b.type) ?? 0) - (safetensorsTypes.get(a.type) ?? 0));
  // A Map first: as a plain object, names that are whole numbers would change their order.
  const fields = new Map<string, unknown>(Object.keys(metadata).length > 0 ? [[metadataKey, metadata]] : []);
  const entries: TensorEntry[] = [];
  let end = 0;
  for (const tensor of sorted) {
    const { name, type, shape } = tensor;
    const bytes = safetensorsBytes(tensor);
    if (fields.has(name)) throw new AppError('INTERNAL', `${name} is planned twice.`, { tensor: name });
    fields.set(name, { dtype: type, shape: shape.toReversed(), data_offsets: [end, end + bytes] });
    entries.push({ name, type, shape, shard, offset: end, bytes });
    end += bytes;
  }
  const header = encodeHeader(fields);
  for (const entry of entries) entry.offset += header.length;
  return { header, tensors: entries, fileBytes: header.length + end };
}

function encodeHeader(fields: ReadonlyMap<string, unknown>): Uint8Array {
  const json = Buffer.from(
    `{${[...fields].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`,
  );
  const length = Math.ceil(json.length / headerAlignment) * headerAlignment;
  const header = new Uint8Array(lengthBytes + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(json, lengthBytes);
  return header;
}

/** Spreads tensors over shards of at most `maxShardBytes` of data, in order; a larger tensor is alone in its shard. */
export function splitIntoShards(tensors: readonly TensorShape[], maxShardBytes: number): TensorShape[][] {
  const shards: TensorShape[][] = [[]];
  let filled = 0;
  for (const tensor of tensors) {
    const bytes = safetensorsBytes(tensor);
    if (filled > 0 && filled + bytes > maxShardBytes) {
      shards.push([]);
      filled = 0;
    }
    shards.at(-1)!.push(tensor);
    filled += bytes;
  }
  return shards;
}
