// The bytes of a decoder's tensor as an export writes them: slabs of rows, decoded to float32, cast, rows of heads in halves.
import type { ModelSource } from '../../formats/model-source.ts';
import { firstNonFinite } from '../../formats/finite-check.ts';
import { separateHalves } from '../../graph/block-weights.ts';
import { decodeFloats } from '../../graph/float-values.ts';
import type { Dequantize } from '../../graph/float-values.ts';
import { nonFiniteError } from '../../quantization/faults.ts';
import { ahead } from '../../quantization/tensor-slabs.ts';
import type { Throughput } from '../../quantization/throughput.ts';
import { bytesPerElement, convertFloats } from '../../formats/float-values.ts';
import type { DecoderTensor } from './decoder-tensors.ts';

/** Float32 bytes of a slab; a single row, or head where rows move, may be larger. */
const slabBytes = 16 * 2 ** 20;

export interface ContentSource {
  model: Pick<ModelSource, 'read' | 'path'>;
  headDim: number;
  dequantize: Dequantize;
  signal: AbortSignal;
}

/**
 * Yields a tensor in order, slab by slab; while one is written, the next is made. Reports what was written.
 * @throws NON_FINITE naming tensor and element, also where a value has no finite form in the written type;
 * UNSUPPORTED_TYPE; the reason of the signal
 */
export async function* decoderContent(
  tensor: DecoderTensor,
  source: ContentSource,
  throughput: Throughput,
): AsyncGenerator<Uint8Array, void> {
  for await (const slab of ahead(slabs(tensor, source))) {
    yield slab;
    throughput.add(slab.length, tensor.name);
  }
}

async function* slabs(
  { source: entry, type, shape, separatesHalves }: DecoderTensor,
  { model, headDim, dequantize, signal }: ContentSource,
): AsyncGenerator<Uint8Array, void> {
  // A vector is one row, but where rows of heads move it is one column.
  const columns = shape.length === 1 && separatesHalves ? 1 : shape[0]!;
  const rows = shape.reduce((product, size) => product * size, 1) / columns;
  const rowBytes = entry.bytes / rows;
  const unit = separatesHalves ? headDim : 1;
  const slabRows = Math.max(1, Math.floor(slabBytes / 4 / columns / unit)) * unit;
  for (let row = 0; row < rows; row += slabRows) {
    signal.throwIfAborted();
    const count = Math.min(slabRows, rows - row);
    const values = new Float32Array(count * columns);
    const elementOf = (index: number): number => row * columns + index;
    const read = await model.read(entry, row * rowBytes, count * rowBytes);
    await decodeFloats({ entry, elementOf }, read, dequantize, values);
    const bytes = convertFloats(new Uint8Array(values.buffer), 'F32', type);
    const lost = firstNonFinite(type, bytes);
    if (lost !== -1) {
      const place = { file: model.path, tensor: entry, firstElement: row * columns, targetType: type };
      throw nonFiniteError({ place: 'result', element: lost, value: values[lost]! }, place);
    }
    if (separatesHalves) separateHalves(bytes, headDim, columns * bytesPerElement(type));
    yield bytes;
  }
}
