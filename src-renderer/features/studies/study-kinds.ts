// The five studies: what each takes, with the engine's own defaults (contract/study.ts).
import { precision, studyKind, type StudyKind, type StudyRecipe } from '../../../src-main/contract/recipe.ts';
import { refusedMethods, usualTypes, usualValues } from '../../../src-main/contract/study.ts';

export type StudyMethod = 'shared' | 'per-block';

/** In the order in which one asks them. */
export const kinds = [
  'sparsity',
  'combination',
  'calibration-size',
  'speed',
  'pca-precision',
] as const satisfies readonly StudyKind[];

export const isStudyKind = (kind: unknown): kind is StudyKind => studyKind.safeParse(kind).success;

/** Ways to cut that a kind takes; the first is the usual one. */
export const methodsOf = (kind: StudyKind): StudyMethod[] =>
  (['per-block', 'shared'] as const).filter((method) => refusedMethods[kind]?.method !== method);

/** Kinds whose values say how much is cut. */
export const variesCut = (kind: StudyKind): boolean => kind === 'sparsity' || kind === 'combination';

/** Whether the engine reads a text as a value of the kind (engine/jobs/studies/check-study.ts). */
export function isValue(kind: StudyKind, text: string): boolean {
  if (kind === 'pca-precision') return precision.safeParse(text).success;
  if (variesCut(kind)) return /^(0?\.\d+|0|0\.)$/.test(text) && (Number(text) > 0 || kind === 'combination');
  return /^[1-9]\d{0,8}$/.test(text);
}

/** Rows that a study will have at most: some values may turn out to be the same, or impossible. */
export function expectedRows({ kind, values, types, method }: StudyRecipe): number {
  const count = new Set(values ?? usualValues[kind]).size;
  switch (kind) {
    case 'sparsity':
      return method === 'shared' ? count : 2 * count;
    case 'speed':
      return 2 * count;
    case 'combination':
      return count * new Set(types ?? usualTypes).size;
    case 'calibration-size':
      return count;
    case 'pca-precision':
      return new Set(['fp64', ...(values ?? usualValues[kind])]).size;
  }
}
