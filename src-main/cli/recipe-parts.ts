// Parts of recipes from option values; the contract's schema has the last word on every value.
import type { ClientOf } from '../contract/define-api.ts';
import type { EngineApi } from '../contract/engine-api.ts';
import { AppError } from '../contract/errors.ts';
import {
  recipe as recipeSchema,
  type CalibrationOptions,
  type EvaluationOptions,
  type Recipe,
} from '../contract/recipe.ts';
import type { Engine } from './engine-process.ts';
import { optionTable, type OptionName, type OptionValues } from './options.ts';
import { valueName } from './parse-options.ts';
import type { ResolvePath } from './paths.ts';

type RecipeInput = Parameters<ClientOf<EngineApi>['jobs.start']>[0]['recipe'];

/** What the parts need from outside. */
export interface Surroundings {
  engine: () => Engine;
  resolve: ResolvePath;
}

/** Windows of text that every model which a verb makes is evaluated on where --windows is not given. */
export const windowsAfterWriting = 8;

export function jobPart({
  device,
  threads,
  offline,
}: OptionValues): Partial<Pick<RecipeInput, 'device' | 'threads' | 'offline'>> {
  return { device, threads, offline };
}

export async function calibrationPart(
  values: OptionValues,
  outside: Surroundings,
): Promise<Partial<CalibrationOptions>> {
  const { calibration, samples, length, sampling, seed } = values;
  return { texts: calibration && (await resolveTexts(calibration, outside)), samples, length, sampling, seed };
}

/** @param defaultWindows null = all */
export async function evaluationPart(
  values: OptionValues,
  outside: Surroundings,
  defaultWindows: number | null,
): Promise<Partial<EvaluationOptions>> {
  const text = values.text === undefined ? undefined : (await resolveTexts([values.text], outside))[0];
  return {
    text,
    window: values.window,
    windows: readWindows(values.windows, defaultWindows),
    allowSameText: values['allow-same-text'],
    engine: values.engine,
    weightsOnly: values['weights-only'],
    gateKld: values['gate-kld'],
    gateRatio: values['gate-ratio'],
  };
}

/** The options of verbs that write a model, without the output's path. */
export async function outputPart(values: OptionValues, outside: Surroundings) {
  const evaluate = values['no-evaluate'] !== true;
  if (!evaluate) forbid(values, ['gate-kld', 'gate-ratio'], 'cannot be checked with --no-evaluate');
  const { importance } = values;
  return {
    force: values.force,
    evaluate,
    prove: values['no-prove'] !== true,
    calibration: await calibrationPart(values, outside),
    evaluation: await evaluationPart(values, outside, windowsAfterWriting),
    importance:
      importance === undefined || importance === 'on' || importance === 'off'
        ? importance
        : outside.resolve(importance),
  };
}

/** The value of an option that the verb cannot do without. @throws USAGE */
export function required(values: OptionValues, name: 'type' | 'output' | 'prompt'): string {
  const value = values[name];
  if (value === undefined) {
    throw new AppError('USAGE', `--${name} is missing: add --${name} ${valueName(optionTable[name])}.`, {
      option: `--${name}`,
    });
  }
  return value;
}

/** Refuses options that have no meaning beside others. @throws USAGE */
export function forbid(values: OptionValues, names: readonly OptionName[], why: string): void {
  const given = names.find((name) => values[name] !== undefined);
  if (given !== undefined) throw new AppError('USAGE', `--${given} ${why}.`, { option: `--${given}` });
}

function readWindows(text: string | undefined, otherwise: number | null): number | null {
  if (text === undefined) return otherwise;
  if (text === 'all') return null;
  if (/^\d+$/.test(text)) return Number(text);
  throw new AppError('USAGE', `--windows takes a number of windows or all, not "${text}".`, {
    option: '--windows',
    value: text,
  });
}

/** Built-in names stay as they are; everything else is a path. */
async function resolveTexts(names: string[], { engine, resolve }: Surroundings): Promise<string[]> {
  const { texts } = await engine().call.texts({});
  const builtIn = new Set(texts.map((text) => text.name));
  return names.map((name) => (builtIn.has(name) ? name : resolve(name)));
}

const optionOfField: Record<string, OptionName> = {
  device: 'device',
  threads: 'threads',
  candidates: 'candidates',
  sparsity: 'sparsity',
  width: 'width',
  round: 'round',
  tokens: 'tokens',
  temperature: 'temperature',
  topK: 'top-k',
  seed: 'seed',
  'target.context': 'context',
  'calibration.samples': 'samples',
  'calibration.length': 'length',
  'calibration.seed': 'seed',
  'evaluation.window': 'window',
  'evaluation.windows': 'windows',
  'evaluation.gateKld': 'gate-kld',
  'evaluation.gateRatio': 'gate-ratio',
};

/** The complete recipe. @throws USAGE naming the option that is out of range */
export function checkRecipe(input: RecipeInput): Recipe {
  const parsed = recipeSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const field = issue.path.join('.');
  const option = optionOfField[field];
  const name = option === undefined ? field : `--${option}`;
  const problem =
    issue.code === 'too_small'
      ? `must be ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`
      : `is not right (${issue.message})`;
  throw new AppError('USAGE', `${name} ${problem}.`, { option: name });
}
