// What happens to each tensor, decided and checked before anything is written.
import { AppError } from '../../contract/errors.ts';
import { ggmlTypeByName, tensorBytes } from '../formats/ggml-types.ts';
import type { TensorEntry } from '../formats/tensor.ts';
import type { ImportanceFile } from './importance-file.ts';
import { mixes } from './mixes.ts';
import type { Quantizer } from './quantizer.ts';
import { inLlamaOrder } from './tensor-order.ts';

export interface TensorPlan {
  tensor: TensorEntry;
  /** Equal to the tensor's own type where it is copied. */
  targetType: string;
  targetBytes: number;
  /** Whether its conversion uses the importance file. */
  usesImportance: boolean;
}

export interface PlanRequest {
  /** For messages. */
  file: string;
  tensors: readonly TensorEntry[];
  /** Tensor name -> type; tensors that are not named are copied. */
  types: Readonly<Record<string, string>>;
  fileType: number | null;
  importance: ImportanceFile | null;
  quantizer: Quantizer;
}

/** Types that give garbage without importance (llama-quant.cpp, tensor_requires_imatrix). */
export const typesNeedingImportance: ReadonlySet<string> = new Set([
  'IQ3_XXS',
  'IQ2_XXS',
  'IQ2_XS',
  'IQ2_S',
  'IQ1_M',
  'IQ1_S',
]);

/** Of the floats no bit depends on importance. */
export const typesWithoutImportance: ReadonlySet<string> = new Set(['F32', 'F16', 'BF16']);

/** Whether importance can change a file: a tensor is converted to a type that takes it. */
export const takesImportance = (
  tensors: readonly Pick<TensorEntry, 'name' | 'type'>[],
  types: Readonly<Record<string, string>>,
): boolean =>
  tensors.some(({ name, type }) => {
    const target = types[name] ?? type;
    return target !== type && !typesWithoutImportance.has(target);
  });

const fileTypeQ2KS = mixes.find(({ name }) => name === 'Q2_K_S')!.fileType;

/** llama.cpp lets embeddings and head go without importance, as its imatrix files hold none for them. */
function isEmbeddingOrHead(name: string): boolean {
  return name === 'token_embd.weight' || name === 'per_layer_token_embd.weight' || name === 'output.weight';
}

/**
 * Plans every tensor, in the order of the output.
 * @throws USAGE for a tensor that the model lacks, UNSUPPORTED_TYPE, IMPORTANCE_MISSING
 */
export function planTensors(request: PlanRequest): TensorPlan[] {
  const names = new Set(request.tensors.map(({ name }) => name));
  const unknown = Object.keys(request.types).find((name) => !names.has(name));
  if (unknown !== undefined)
    throw new AppError('USAGE', `${request.file} has no tensor ${unknown}.`, { file: request.file, tensor: unknown });
  return inLlamaOrder(request.tensors).map((tensor) => planTensor(request, tensor));
}

function planTensor(request: PlanRequest, tensor: TensorEntry): TensorPlan {
  const wanted = Object.hasOwn(request.types, tensor.name) ? request.types[tensor.name]! : tensor.type;
  const target = ggmlTypeByName(wanted);
  if (!target) throw unsupported(tensor, wanted, 'there is no such type');
  const targetType = target.name;
  if (targetType === tensor.type) return { tensor, targetType, targetBytes: tensor.bytes, usesImportance: false };

  const { quantizer, importance } = request;
  if (!quantizer.canRead(tensor.type))
    throw unsupported(tensor, targetType, `${tensor.type} cannot be read as numbers`);
  if (!quantizer.canWrite(targetType)) throw unsupported(tensor, targetType, `nothing can write ${targetType}`);
  const columns = tensor.shape[0] ?? 1;
  if (columns % target.blockSize !== 0)
    throw unsupported(tensor, targetType, `its rows of ${columns} are no multiple of ${target.blockSize}`);

  const usesImportance = !typesWithoutImportance.has(targetType) && (importance?.has(tensor.name) ?? false);
  if (!usesImportance && needsImportance(request, tensor.name, targetType))
    throw missing(request, tensor.name, targetType);
  return { tensor, targetType, targetBytes: tensorBytes(targetType, tensor.shape), usesImportance };
}

function needsImportance({ quantizer, fileType }: PlanRequest, name: string, targetType: string): boolean {
  if (quantizer.needsImportance(targetType)) return true; // no exception: the kernel would end the process
  if (isEmbeddingOrHead(name)) return false;
  return typesNeedingImportance.has(targetType) || (targetType === 'Q2_K' && fileType === fileTypeQ2KS);
}

function unsupported(tensor: TensorEntry, targetType: string, reason: string): AppError {
  const shape = [...tensor.shape];
  return new AppError(
    'UNSUPPORTED_TYPE',
    `${tensor.name} (${tensor.type}, ${shape.join(' x ')}) cannot become ${targetType}: ${reason}.`,
    {
      tensor: tensor.name,
      shape,
      sourceType: tensor.type,
      targetType,
    },
  );
}

function missing({ importance, file }: PlanRequest, tensor: string, targetType: string): AppError {
  const where = importance === null ? 'and none was given' : `and ${importance.path} has none for it`;
  const advice =
    importance === null
      ? 'Calibrate first, or choose a type with more bits'
      : 'Make importance from this model, or choose a type with more bits for it';
  return new AppError(
    'IMPORTANCE_MISSING',
    `${tensor} needs importance to become ${targetType}, ${where}. ${advice}.`,
    {
      file,
      tensor,
      targetType,
      importance: importance?.path ?? null,
    },
  );
}
