// snug fit: makes the best plan, measures and proves it.
import type { FitRecipe } from '../../contract/recipe.ts';
import type { FitResult } from '../../contract/results.ts';
import { everywhere, jobOptions, outputOptions, planOptions, targetOptions } from '../options.ts';
import type { OptionValues } from '../options.ts';
import { modelPath } from '../paths.ts';
import { exitCodeOfResult } from '../exit-codes.ts';
import { checkRecipe, forbid, jobPart, outputPart, required } from '../recipe-parts.ts';
import { describeFit } from '../report/fit.ts';
import { targetPart } from '../target-part.ts';
import type { Outcome, Session, Verb } from '../verb.ts';

/** What decides which plan is made. */
export const choiceOptions = ['plan', 'candidates', ...planOptions, 'precision', 'max-memory'] as const;

/** Why they are refused. */
export const ofSlices = 'is of slices and means nothing with --methods quantize';

export const fit: Verb = {
  name: 'fit',
  summary: 'make a model fit: plan, calibrate, quantise, prove, measure',
  usage: 'MODEL (--memory SIZE | --file-size SIZE) --output FILE.gguf',
  takesModel: true,
  options: [...targetOptions, ...choiceOptions, ...outputOptions, ...jobOptions, ...everywhere],
  examples: [
    'snug fit model.gguf --memory gpu --context 8192 --output fitted.gguf',
    'snug fit model.gguf --file-size 8GB --output fitted.gguf',
  ],
  async run(model, values, session) {
    const output = session.resolve(required(values, 'output'));
    const recipe = await fitRecipe({ model: modelPath(model, session.resolve), output }, values, session);
    const value = await session.runJob(recipe);
    return fitOutcome(value, recipe);
  },
};

export const fitOutcome = (value: FitResult, { target }: Pick<FitRecipe, 'target'>): Outcome => ({
  value,
  text: (canvas) => describeFit(value, target, canvas),
  exitCode: exitCodeOfResult(value),
});

/** The recipe of a fit from its options. @throws USAGE, DEVICE_UNAVAILABLE */
export async function fitRecipe(
  paths: { model: string; output: string },
  values: OptionValues,
  session: Session,
): Promise<FitRecipe> {
  if (values.plan !== undefined) forbid(values, ['candidates'], 'means nothing with --plan, which makes one plan');
  if (values.methods === 'quantize') forbid(values, ['orientation', 'precision'], ofSlices);
  return checkRecipe({
    verb: 'fit',
    ...jobPart(values),
    ...paths,
    ...(await outputPart(values, session)),
    target: await targetPart(values, session),
    ...{ methods: values.methods, orientation: values.orientation, precision: values.precision },
    plan: values.plan,
    candidates: values.candidates,
    maxMemoryBytes: values['max-memory'],
  }) as FitRecipe;
}
