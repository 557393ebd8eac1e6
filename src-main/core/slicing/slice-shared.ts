// Slices a model by one shared rotation and writes it as a GGUF that stock llama.cpp loads, in any types: the quantiser
// reads the sliced model as it reads any other (method.md 1.1, 3).
import { AppError } from '../../contract/errors.ts';
import type { Progress } from '../../contract/progress.ts';
import type { KeptPart } from '../formats/kept-part.ts';
import { floatFileTypes, type WeightType } from '../formats/weight-types.ts';
import { ggmlTypeByName } from '../formats/ggml-types.ts';
import type { ImportanceFile } from '../quantization/importance-file.ts';
import { quantizeModel } from '../quantization/quantize-model.ts';
import type { Quantizer } from '../quantization/quantizer.ts';
import type { SummedGram } from '../calibration/gram-file.ts';
import { rotatedImportance } from './rotated-importance.ts';
import type { SlicedModel, SlicedSizes } from './sliced-model.ts';
import { slicedSource } from './sliced-source.ts';
import type { SlicedSourceOptions } from './sliced-source.ts';

/** Types of a sliced file's tensors. */
export interface SlicedTypes {
  /** Of matrices that `types` does not name; vectors are F32. */
  type: WeightType;
  /** Tensor name -> ggml type; null for none. */
  types: Readonly<Record<string, string>> | null;
  /** general.file_type; null for that of `type`. */
  fileType: number | null;
}

export interface SliceRequest extends SlicedSourceOptions, SlicedTypes {
  output: string;
  /** The dense model's importance and its Gram, from which that of turned columns is made; null to do without. */
  importance: { file: ImportanceFile; gram: SummedGram } | null;
  quantizer: Quantizer;
  /** As quantizeModel's. */
  kept?: KeptPart | null;
  progress: (progress: Progress) => void;
}

export interface SliceResult extends SlicedSizes {
  fileBytes: number;
  sha256: string;
  /** general.architecture of the file. */
  architecture: string;
  /** Tensors by their type. */
  tensorTypes: Record<string, number>;
  /** As quantizeModel's. */
  resumedAtTensor: number | null;
  seconds: number;
}

/**
 * Writes the sliced model; at full width it is the same function in another basis. Values go from float64 through float32
 * to their type. A failure leaves no file, nor does a cancel but in `kept`. Memory: the basis (d·D doubles), the largest output projection in
 * float64, and the quantiser's slabs.
 * @throws as slicedSource and quantizeModel; USAGE for a tensor that the sliced model lacks, IMPORTANCE_MISSING,
 * IMPORTANCE_MISMATCH
 */
export async function sliceShared(request: SliceRequest): Promise<SliceResult> {
  const { output, quantizer, kept = null, signal, progress } = request;
  try {
    signal.throwIfAborted();
    const { gguf: model, sliced } = await slicedSource(request);
    const { types, fileType } = writtenTypes(sliced, request);
    const { fileBytes, sha256, resumedAtTensor, seconds } = await quantizeModel({
      ...{ model, output, types, fileType, quantizer, kept, signal },
      importance: request.importance && (await rotatedImportance({ ...request, ...request.importance, sliced })),
      progress: (told) => progress({ ...told, stage: 'slice' }),
    });
    const tensorTypes: Record<string, number> = {};
    for (const { name, type } of sliced.tensors) {
      const written = ggmlTypeByName(types[name] ?? type)!.name;
      tensorTypes[written] = (tensorTypes[written] ?? 0) + 1;
    }
    const { architecture, sizes } = sliced;
    return { fileBytes, sha256, architecture, ...sizes, tensorTypes, resumedAtTensor, seconds };
  } catch (error) {
    throw AppError.from(error);
  }
}

/** The types of every matrix and of what was named besides, and general.file_type. */
export function writtenTypes(
  { tensors }: Pick<SlicedModel, 'tensors'>,
  { type, types, fileType }: SlicedTypes,
): { types: Record<string, string>; fileType: number } {
  const matrices = tensors.filter(({ shape }) => shape.length > 1);
  return {
    types: { ...Object.fromEntries(matrices.map(({ name }) => [name, type])), ...types },
    fileType: fileType ?? floatFileTypes[type],
  };
}
