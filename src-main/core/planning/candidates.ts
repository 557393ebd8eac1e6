// Which types a model could have: the named mixes of llama.cpp, and every single type on all tensors, embedding included.
import { findMix, mixes, mixOfType, singleTypes } from '../quantization/mixes.ts';
import type { PlanRemark } from '../../contract/plan.ts';
import { ggmlTypeByName } from '../formats/ggml-types.ts';
import type { TensorEntry } from '../formats/tensor.ts';
import { remarkInWords } from './plan-remarks.ts';

/** A question to llama.cpp: the types of a mix, or of one type on all tensors. */
export interface MixQuestion {
  name: string;
  pure: boolean;
  importance: boolean;
}

/** Every mix and every single type that a mix is made of; without importance llama.cpp refuses the smallest. */
export function mixQuestions(importance: boolean): MixQuestion[] {
  const named = mixes.map(({ name }) => ({ name, pure: false, importance }));
  const pure = singleTypes.flatMap((type) => {
    const mix = mixOfType(type);
    return mix ? [{ name: mix.name, pure: true, importance }] : [];
  });
  return [...named, ...pure];
}

export interface Candidate {
  /** `q4_k_m`, `all-q4_0`, `source`. */
  id: string;
  summary: string;
  /** Name for `quantize --type`; null keeps the source. */
  type: string | null;
  pure: boolean;
  fileType: number | null;
  types: Readonly<Record<string, string>>;
}

/** The question whose answer a candidate's types are; null where it keeps the source's. */
export function mixQuestionOf({ type, pure }: Candidate, importance: boolean): MixQuestion | null {
  if (type === null) return null;
  return { name: pure ? mixOfType(type)!.name : type, pure, importance };
}

/** The candidate of an answer, or null where llama.cpp cannot make it. */
export function candidateOf(question: MixQuestion, types: Readonly<Record<string, string>> | null): Candidate | null {
  const mix = mixes.find(({ name }) => name === question.name);
  if (types === null || !mix) return null;
  const name = question.pure ? mix.type : mix.name;
  return {
    id: question.pure ? `all-${mix.type.toLowerCase()}` : mix.name.toLowerCase(),
    summary: question.pure ? `${mix.type} on all tensors` : `${mix.name} mix`,
    type: name,
    pure: question.pure,
    fileType: mix.fileType,
    types,
  };
}

/** Kernels that cannot work without importance (ggml_quantize_requires_imatrix). */
const kernelsNeedingImportance: ReadonlySet<string> = new Set(['IQ2_XXS', 'IQ2_XS', 'IQ1_S']);

/** False where the input embedding would need importance and can have none: nothing is multiplied with it unless it is the head too. */
export function isPossible({ types }: Candidate, tiedEmbeddings: boolean): boolean {
  return tiedEmbeddings || !kernelsNeedingImportance.has(types['token_embd.weight'] ?? '');
}

/** Drops candidates whose tensors all have the same types as an earlier one's. */
export function withoutTwins(candidates: readonly Candidate[]): Candidate[] {
  const seen = new Set<string>();
  return candidates.filter(({ types }) => {
    const key = JSON.stringify(Object.entries(types).sort(([a], [b]) => (a < b ? -1 : 1)));
    return seen.has(key) ? false : seen.add(key);
  });
}

/** As a sentence. */
export function fallbackNote(candidate: Candidate, tensors: readonly TensorEntry[]): string | null {
  const fallback = fallbackOf(candidate, tensors);
  return fallback && remarkInWords(fallback);
}

/**
 * What is to be said where llama.cpp gives matrices another type than the one asked for, because their rows are no
 * multiple of its block; null where it need not. `tensors` have the types they had before.
 */
export function fallbackOf(
  candidate: Candidate,
  tensors: readonly TensorEntry[],
): Extract<PlanRemark, { kind: 'fallback' }> | null {
  const { type, pure, types } = candidate;
  if (type === null) return null;
  const { blockSize } = ggmlTypeByName(pure ? type : findMix(type).type)!;
  const isFallen = ({ shape }: TensorEntry): boolean => shape[0]! % blockSize !== 0;
  const matrices = tensors.filter(
    (tensor) => tensor.shape.length > 1 && (types[tensor.name] !== tensor.type || isFallen(tensor)),
  );
  const fallen = matrices.filter(isFallen);
  if (fallen.length === 0) return null;
  const given = [...new Set(fallen.map((tensor) => types[tensor.name] ?? tensor.type))].sort();
  return { kind: 'fallback', fallen: fallen.length, matrices: matrices.length, blockSize, types: given };
}
