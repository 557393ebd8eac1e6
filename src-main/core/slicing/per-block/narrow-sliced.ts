// Cuts a sliced model again without new calibration: where directions are sorted at every site, narrower widths keep leading
// rows and columns (released code: rotate.py, slice_rotated_model). Reads and copies; computes nothing.
import type { SlicingConfig } from '../../../contract/results.ts';
import { readBy } from '../../formats/model-source.ts';
import type { ModelSource } from '../../formats/model-source.ts';
import { elementCount, tensorRange } from '../../formats/tensor.ts';
import type { TensorEntry } from '../../formats/tensor.ts';
import { slicedTensors } from './fused-form.ts';
import { requireNarrower, requireSorted } from './narrower-widths.ts';
import { openSlicedDecoder } from './sliced-decoder.ts';
import type { SlicedDecoder } from './sliced-decoder.ts';

/**
 * A view of `decoder` with the widths of `slicing`, none of them above its own; closing its model closes that of `decoder`.
 * The basis of a site is the same in both, so slicing to d and then to d' is slicing what d keeps, not a new PCA.
 * @throws as requireSorted and requireNarrower
 */
export function narrowSliced(decoder: SlicedDecoder, slicing: SlicingConfig): SlicedDecoder {
  requireSorted(decoder);
  const widths = requireNarrower(decoder, slicing);
  return openSlicedDecoder(narrowedModel(decoder, widths), slicing, decoder.model.path);
}

function narrowedModel(decoder: SlicedDecoder, widths: readonly number[]): ModelSource {
  const { model } = decoder;
  const sources = new Map(model.tensors.map((entry) => [entry.name, entry]));
  const tensors = slicedTensors(decoder, widths).map(({ name, shape }): TensorEntry => {
    const { type, bytes, shape: wide } = sources.get(name)!;
    const elementBytes = bytes / elementCount(wide)!;
    return { name, type, shape, shard: 0, offset: 0, bytes: elementCount(shape)! * elementBytes };
  });

  async function readInto(entry: TensorEntry, target: Uint8Array, offset = 0): Promise<void> {
    tensorRange(entry, offset, target.length);
    const source = sources.get(entry.name)!;
    const elementBytes = entry.bytes / elementCount(entry.shape)!;
    const [rowBytes, sourceRowBytes] = [entry.shape[0]! * elementBytes, source.shape[0]! * elementBytes];
    // The entry may be some rows of its tensor, which begins at 0.
    const start = entry.offset + offset;
    const first = Math.floor(start / rowBytes);
    const count = Math.ceil((start + target.length) / rowBytes) - first;
    const rows = await model.read(source, first * sourceRowBytes, count * sourceRowBytes);
    const kept = new Uint8Array(count * rowBytes);
    for (let row = 0; row < count; row += 1) {
      kept.set(rows.subarray(row * sourceRowBytes, row * sourceRowBytes + rowBytes), row * rowBytes);
    }
    const skipped = start - first * rowBytes;
    target.set(kept.subarray(skipped, skipped + target.length));
  }

  return {
    ...model,
    tensors,
    parameters: tensors.reduce((sum, { shape }) => sum + elementCount(shape)!, 0),
    fileBytes: tensors.reduce((sum, { bytes }) => sum + bytes, 0),
    readInto,
    read: readBy(readInto),
  };
}
