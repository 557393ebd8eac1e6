// snug study: one model sliced in several ways, measured row by row.
import { AppError } from '../../contract/errors.ts';
import { studyKind, type StudyRecipe } from '../../contract/recipe.ts';
import { exitCodes } from '../exit-codes.ts';
import type { StudyResult } from '../../contract/study.ts';
import { calibrationOptions, everywhere, jobOptions, sliceOptions, type OptionName } from '../options.ts';
import { modelPath } from '../paths.ts';
import { calibrationPart, checkRecipe, evaluationPart, jobPart, windowsAfterWriting } from '../recipe-parts.ts';
import { describeStudy } from '../report/study.ts';
import type { Outcome, Verb } from '../verb.ts';

const cuts = sliceOptions.filter((name) => name !== 'scheduler') satisfies OptionName[];

export const study: Verb = {
  name: 'study',
  summary: 'slice one model in several ways and compare them',
  usage: `${studyKind.options.join('|')} MODEL [--values V,V,…]`,
  kinds: studyKind.options,
  takesModel: true,
  options: [
    ...(['values', 'types', ...cuts, 'type', 'output', 'force', 'again'] as const),
    ...calibrationOptions,
    ...(['text', 'window', 'windows', 'allow-same-text'] as const),
    ...jobOptions,
    ...everywhere,
  ],
  examples: [
    'snug study sparsity model.gguf --values 0.1,0.2',
    'snug study calibration-size model.gguf --sparsity 0.2 --length 512',
    'snug study pca-precision model.gguf --width 512 --output rows.csv',
    'snug study speed folder --values 1,4,16',
    'snug study combination model.gguf --values 0,0.1,0.2 --types F16,Q8_0,Q4_0',
  ],
  async run(model, values, session, { kind }) {
    const { method, sparsity, width, round, orientation, type, signals, precision, force, again, output } = values;
    const recipe = checkRecipe({
      verb: 'study',
      ...jobPart(values),
      kind: studyKind.parse(kind),
      model: modelPath(model, session.resolve),
      ...{ values: listed(values.values), types: listed(values.types) },
      ...{ method, sparsity, width, round, orientation, type, signals, precision, force, again },
      ...{ sliceHead: values['slice-head'], paperCompat: values['paper-compat'] },
      output: output === undefined ? null : session.resolve(output),
      calibration: await calibrationPart(values, session),
      evaluation: await evaluationPart(values, session, windowsAfterWriting),
    }) as StudyRecipe;
    const value = await session.runJob(recipe).catch((error: unknown) => {
      throw withWhatIsKept(error);
    });
    return studyOutcome(value);
  },
};

export const studyOutcome = (value: StudyResult): Outcome => ({
  value,
  text: (canvas) => describeStudy(value, canvas),
  exitCode: exitCodes.done,
});

const listed = (text: string | undefined): string[] | undefined => text?.split(',').map((part) => part.trim());

function withWhatIsKept(error: unknown): unknown {
  if (!(error instanceof AppError && error.code === 'CANCELLED')) return error;
  return new AppError('CANCELLED', 'Cancelled. Finished rows are kept: the same command goes on behind them.');
}
