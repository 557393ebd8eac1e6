// What each kind of study takes: its values, its method, the options that have a meaning in it.
import { AppError } from '../../../contract/errors.ts';
import { precision, type Precision, type StudyKind, type StudyRecipe } from '../../../contract/recipe.ts';
import { floatTypeOf } from '../../stages/slice.ts';

/** Where nothing is said, a quarter is cut, as in the paper's ablations. */
export const defaultSparsity = 0.25;

/** Refuses, before any work, what has no meaning. @throws USAGE */
export function checkStudy(recipe: StudyRecipe): void {
  const { kind, evaluation, type, method } = recipe;
  if (kind === 'pca-precision' && method === 'shared') {
    const why = 'a shared rotation takes its one Gram from normed signals, where float32 is enough';
    throw usage('--method', `snug study ${kind} is of per-block slices: ${why}.`);
  }
  if (evaluation.engine === 'llama.cpp' || evaluation.weightsOnly)
    throw usage('--engine', "A study measures on Snug's own graphs only: leave --engine and --weights-only away.");
  if (floatTypeOf(type) === null)
    throw usage('--type', `--type ${type} is no float type: studies slice to F32, F16 or BF16.`);
  if (kind === 'sparsity' && (recipe.sparsity !== null || recipe.width !== null))
    throw usage('--sparsity', 'snug study sparsity varies what is cut: name it with --values.');
  if (recipe.sparsity !== null && recipe.width !== null)
    throw usage('--width', '--width and --sparsity cannot be given together.');
  if (kind === 'pca-precision' && recipe.precision !== 'fp64')
    throw usage('--precision', 'snug study pca-precision varies the precision: name it with --values.');
  if (method === 'shared') checkShared(recipe);
  valuesOf[kind](recipe);
}

function checkShared({ signals, sliceHead, paperCompat, precision: of }: StudyRecipe): void {
  const given = {
    '--signals raw': signals === 'raw',
    '--slice-head': sliceHead,
    '--paper-compat': paperCompat,
    '--precision': of !== 'fp64',
  };
  const [option] = Object.entries(given).find(([, isGiven]) => isGiven) ?? [];
  if (option !== undefined) throw usage(option, `${option} is for --method per-block.`);
}

type Values = Pick<StudyRecipe, 'values' | 'kind'>;

const distinct = <T>(values: T[]): T[] => [...new Set(values)];

/** Whole numbers from 1, ascending. @throws USAGE */
function counts({ values, kind }: Values, otherwise: number[]): number[] {
  const found = (values ?? otherwise.map(String)).map((text) => {
    if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
    throw usage(
      '--values',
      `"${text}" is no value of ${kind}: expected whole numbers from 1, such as ${otherwise.join()}.`,
    );
  });
  return distinct(found).toSorted((a, b) => a - b);
}

/** Shares of the width, ascending. @throws USAGE */
function shares({ values, kind }: Values, otherwise: number[]): number[] {
  const found = (values ?? otherwise.map(String)).map((text) => {
    const value = /^0?\.\d+$/.test(text) ? Number(text) : NaN;
    if (value > 0) return value;
    const expected = `shares of the width above 0 and below 1, such as ${otherwise.join()}`;
    throw usage('--values', `"${text}" is no value of ${kind}: expected ${expected}.`);
  });
  return distinct(found).toSorted((a, b) => a - b);
}

/** fp64 comes first, asked for or not: the others are held against it. @throws USAGE */
function precisions({ values }: Values): Precision[] {
  const found = (values ?? ['fp64', 'fp32-sum64', 'fp32']).map((text) => {
    const parsed = precision.safeParse(text);
    if (parsed.success) return parsed.data;
    throw usage('--values', `"${text}" is no value of pca-precision: expected ${precision.options.join(', ')}.`);
  });
  return distinct(['fp64', ...found]);
}

/** The values of every kind, read. */
export const valuesOf = {
  'calibration-size': (recipe: Values) => counts(recipe, [32, 128, 1024]),
  'pca-precision': precisions,
  sparsity: (recipe: Values) => shares(recipe, [0.1, 0.2, 0.25, 0.3]),
} satisfies Record<StudyKind, (recipe: Values) => unknown>;

function usage(option: string, message: string): AppError {
  return new AppError('USAGE', message, { option });
}
