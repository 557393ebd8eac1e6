// Plans and writes GGUF version 3 files: the exact size is known before the first byte, so that a plan can be
// held against a limit, and tensors then go straight to their places.
// Source: ggml/src/gguf.cpp (gguf_writer): tensors without gaps, each padded to the alignment, the last one too.
import { AppError } from '../../contract/errors.ts';
import { ggmlTypeByName, tensorBytes } from './ggml-types.ts';
import { defaultAlignment, longestTensorName } from './gguf-header.ts';
import { encodeHeader, headerBytes } from './gguf-encoder.ts';
import type { GgufMetadata } from './gguf-values.ts';
import { createOutput } from './output-file.ts';
import type { OutputOptions } from './output-file.ts';
import { TensorWriter } from './tensor-writer.ts';
import type { FileLayout } from './tensor-writer.ts';
import type { TensorEntry, TensorShape } from './tensor.ts';

const alignmentKey = 'general.alignment';

function padded(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** Where everything goes in a GGUF file. The header is encoded only when asked for: a planner needs the size alone. */
export class GgufLayout implements FileLayout {
  readonly metadata: GgufMetadata;
  readonly alignment: number;
  readonly tensors: readonly TensorEntry[];
  readonly headerBytes: number;
  readonly fileBytes: number;

  constructor(metadata: GgufMetadata, tensors: readonly TensorShape[], alignment: number) {
    this.metadata = metadata;
    this.alignment = alignment;
    this.headerBytes = padded(headerBytes(metadata, tensors), alignment);
    let offset = this.headerBytes;
    this.tensors = tensors.map(({ name, type, shape }) => {
      const entry = { name, type: knownName(name, type), shape, shard: 0, offset, bytes: tensorBytes(type, shape) };
      offset += padded(entry.bytes, alignment);
      return entry;
    });
    this.fileBytes = offset;
  }

  get header(): Uint8Array {
    return encodeHeader(this.metadata, this.tensors, this.headerBytes);
  }
}

/** The type's own name; checks the tensor's too. @throws UNSUPPORTED_TYPE, INTERNAL */
function knownName(tensor: string, type: string): string {
  if (Buffer.byteLength(tensor) > longestTensorName) {
    throw new AppError(
      'INTERNAL',
      `The tensor name ${tensor} is longer than the ${longestTensorName} bytes that llama.cpp loads.`,
      { tensor },
    );
  }
  const known = ggmlTypeByName(type);
  if (!known) {
    throw new AppError('UNSUPPORTED_TYPE', `${tensor} cannot be written: GGUF has no type ${type}.`, { tensor, type });
  }
  return known.name;
}

/**
 * Lays out a GGUF file; `alignment` defaults to what the metadata says, else 32 bytes.
 * @throws UNSUPPORTED_TYPE when a type is unknown or does not fit a shape
 */
export function ggufLayout(metadata: GgufMetadata, tensors: readonly TensorShape[], alignment?: number): GgufLayout {
  const stated = metadata.integer(alignmentKey, defaultAlignment);
  const used = alignment ?? stated;
  if (used < 8 || used > 2 ** 31 || !Number.isInteger(Math.log2(used))) {
    throw new RangeError(`alignment ${used}: a power of two of at least 8`);
  }
  const written = used === stated ? metadata : metadata.clone().set(alignmentKey, { type: 'uint32', value: used });
  return new GgufLayout(written, tensors, used);
}

/** Starts a GGUF file: creates the output and writes the header. @throws as createOutput */
export async function createGgufWriter(
  outputPath: string,
  layout: FileLayout,
  options: Omit<OutputOptions, 'expectedBytes'> = {},
): Promise<TensorWriter> {
  const output = await createOutput(outputPath, { ...options, expectedBytes: layout.fileBytes });
  return TensorWriter.begin(output, layout);
}
