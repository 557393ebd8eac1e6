// What each kind of study takes: its values, its method, the options that have a meaning in it.
import { AppError } from '../../../contract/errors.ts';
import { precision, type Precision, type StudyKind, type StudyRecipe } from '../../../contract/recipe.ts';
import { refusedMethods, usualValues } from '../../../contract/study.ts';
import { floatTypeOf } from '../../stages/slice.ts';

/** How a study slices. */
export function methodOf({ kind, method }: Pick<StudyRecipe, 'kind' | 'method'>): 'shared' | 'per-block' {
  return method ?? (kind === 'combination' ? 'shared' : 'per-block');
}

/** Refuses, before any work, what has no meaning. @throws USAGE */
export function checkStudy(recipe: StudyRecipe): void {
  const { kind, evaluation, type, types } = recipe;
  const method = methodOf(recipe);
  const refused = refusedMethods[kind];
  if (refused?.method === method)
    throw usage(
      '--method',
      `snug study ${kind} is of ${refused.method === 'shared' ? 'per-block slices' : 'a shared rotation'}: ${refused.why}.`,
    );
  if (evaluation.engine === 'llama.cpp' || evaluation.weightsOnly)
    throw usage('--engine', "A study measures on Snug's own graphs only: leave --engine and --weights-only away.");
  if (floatTypeOf(type) === null)
    throw usage(
      '--type',
      `--type ${type} is no float type: studies slice to F32, F16 or BF16, and --types of a combination are the quantised ones.`,
    );
  if (types !== null && kind !== 'combination') throw usage('--types', '--types is for the combination study.');
  const varies = kind === 'sparsity' || kind === 'combination';
  if (varies && (recipe.sparsity !== null || recipe.width !== null))
    throw usage(
      '--sparsity',
      `snug study ${kind} varies what is cut: name it with --values, not --sparsity or --width.`,
    );
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
function counts({ values, kind }: Values): number[] {
  const usual = usualValues[kind];
  const found = (values ?? usual).map((text) => {
    if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
    throw usage(
      '--values',
      `"${text}" is no value of ${kind}: expected whole numbers from 1, such as ${usual.join()}.`,
    );
  });
  return distinct(found).toSorted((a, b) => a - b);
}

/** Shares of the width, ascending. @throws USAGE */
function shares({ values, kind }: Values, least: 'zero' | 'above zero'): number[] {
  const usual = usualValues[kind];
  const found = (values ?? usual).map((text) => {
    const value = /^(0|0?\.\d+|0\.)$/.test(text) ? Number(text) : NaN;
    if (value > 0 || (value === 0 && least === 'zero')) return value;
    const from = least === 'zero' ? 'from 0' : 'above 0';
    throw usage(
      '--values',
      `"${text}" is no value of ${kind}: expected shares of the width ${from} and below 1, such as ${usual.join()}.`,
    );
  });
  return distinct(found).toSorted((a, b) => a - b);
}

/** fp64 comes first, asked for or not: the others are held against it. @throws USAGE */
function precisions({ values, kind }: Values): Precision[] {
  const found = (values ?? usualValues[kind]).map((text) => {
    const parsed = precision.safeParse(text);
    if (parsed.success) return parsed.data;
    throw usage('--values', `"${text}" is no value of pca-precision: expected ${precision.options.join(', ')}.`);
  });
  return distinct(['fp64', ...found]);
}

/** The values of every kind, read. */
export const valuesOf = {
  'calibration-size': counts,
  'pca-precision': precisions,
  sparsity: (recipe: Values) => shares(recipe, 'above zero'),
  speed: counts,
  combination: (recipe: Values) => shares(recipe, 'zero'),
} satisfies Record<StudyKind, (recipe: Values) => unknown>;

function usage(option: string, message: string): AppError {
  return new AppError('USAGE', message, { option });
}
