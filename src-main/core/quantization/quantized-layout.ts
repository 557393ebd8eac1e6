// The file that a quantisation writes, known to the byte before it is written: order of tensors, keys, sizes.
// Source: src/llama-quant.cpp (llama_model_quantize_impl) of llama.cpp v0.4.0.
import { ggufLayout, type GgufLayout } from '../formats/gguf-writer.ts';
import type { GgufMetadata } from '../formats/gguf-values.ts';
import type { TensorShape } from '../formats/tensor.ts';
import { inLlamaOrder } from './tensor-order.ts';

/** ggml's GGML_QNT_VERSION. */
const quantizationVersion = 2;

/**
 * Layout of `model` with new types per tensor name; tensors that are not named keep theirs. `fileType` null keeps the
 * source's general.file_type. @throws UNSUPPORTED_TYPE
 */
export function quantizedLayout(
  model: { metadata: GgufMetadata; tensors: readonly TensorShape[] },
  types: Readonly<Record<string, string>>,
  fileType: number | null,
): GgufLayout {
  const tensors = inLlamaOrder(model.tensors).map(({ name, type, shape }) => ({
    name,
    type: Object.hasOwn(types, name) ? types[name]! : type,
    shape: writtenShape(shape),
  }));
  return ggufLayout(outputMetadata(model.metadata, fileType), tensors);
}

/** The source's keys; the two that a quantiser sets come last, as llama.cpp sets them. */
function outputMetadata(source: GgufMetadata, fileType: number | null): GgufMetadata {
  const metadata = source.clone();
  metadata.delete('general.quantization_version');
  metadata.set('general.quantization_version', { type: 'uint32', value: quantizationVersion });
  if (fileType !== null) {
    metadata.delete('general.file_type');
    metadata.set('general.file_type', { type: 'uint32', value: fileType });
  }
  return metadata;
}

/** ggml drops trailing dimensions of 1. */
function writtenShape(shape: readonly number[]): readonly number[] {
  const last = shape.findLastIndex((size) => size !== 1);
  return shape.slice(0, Math.max(1, last + 1));
}
