// The header of a sliced file that is not written yet, on a file of its full size: what a planner opens, and what
// llama.cpp tells types and memory from.
import type { Decoder } from '../architectures/decoder.ts';
import { writeSparse } from '../formats/sparse-file.ts';
import type { WeightType } from '../formats/weight-types.ts';
import type { Dequantize } from '../graph/float-values.ts';
import { quantizedLayout } from '../quantization/quantized-layout.ts';
import { writtenTypes } from './slice-shared.ts';
import type { RotationForm } from './shared-rotation.ts';
import { planSlicedModel } from './sliced-model.ts';
import type { SlicedSizes } from './sliced-model.ts';

export interface SliceHeaderRequest {
  decoder: Decoder;
  rotation: RotationForm;
  output: string;
  /** Of matrices; vectors are F32. */
  type: WeightType;
  dequantize: Dequantize;
}

/**
 * Writes the header that sliceShared would write where no tensor has a type of its own, and lets the file end where the sliced file would: its tensors are a
 * hole that takes no space on disk. Reads no weights but the last norm's. A failure leaves no file.
 * @throws as planSlicedModel; OUTPUT_EXISTS, FILE_NOT_FOUND when the folder is missing, DISK_FULL
 */
export async function writeSliceHeader(request: SliceHeaderRequest): Promise<SlicedSizes & { fileBytes: number }> {
  const { decoder, rotation, output, type, dequantize } = request;
  const sliced = await planSlicedModel(decoder, rotation, dequantize);
  const { types, fileType } = writtenTypes(sliced, { type, types: null, fileType: null });
  const { header, fileBytes } = quantizedLayout(sliced, types, fileType);
  await writeSparse(output, fileBytes, (write) => write(header, 0));
  return { ...sliced.sizes, fileBytes };
}
