// snug evaluate: perplexity of a model, its distance from the original, and tasks.
import type { EvaluateRecipe } from '../../contract/recipe.ts';
import type { EvaluateResult } from '../../contract/results.ts';
import { formatDuration } from '../../contract/units.ts';
import { exitCodeOfResult } from '../exit-codes.ts';
import { evaluationOptions, everywhere, jobOptions } from '../options.ts';
import { modelPath } from '../paths.ts';
import { checkRecipe, evaluationPart, forbid, jobPart } from '../recipe-parts.ts';
import { count } from '../report/numbers.ts';
import { qualityFields, qualityVerdict, warningLines } from '../report/quality.ts';
import type { Canvas } from '../report/style.ts';
import { fields, table } from '../report/table.ts';
import type { Outcome, Verb } from '../verb.ts';

export const evaluate: Verb = {
  name: 'evaluate',
  summary: 'measure a model, alone or against the original',
  usage: 'MODEL [--against MODEL]',
  takesModel: true,
  options: ['against', 'tasks', 'tokenizer', ...evaluationOptions, ...jobOptions, ...everywhere],
  examples: [
    'snug evaluate small.gguf --against model.gguf',
    'snug evaluate model.gguf --text mine.txt --windows 4',
    'snug evaluate sliced.onnx --tokenizer folder --against folder',
  ],
  async run(model, values, session) {
    if (values.against === undefined)
      forbid(values, ['gate-kld', 'gate-ratio'], 'compares with the original: add --against MODEL');
    const recipe = checkRecipe({
      verb: 'evaluate',
      ...jobPart(values),
      model: modelPath(model, session.resolve),
      against: values.against === undefined ? null : modelPath(values.against, session.resolve),
      tokenizer: values.tokenizer === undefined ? null : modelPath(values.tokenizer, session.resolve),
      tasks: values.tasks?.map((file) => session.resolve(file)),
      evaluation: await evaluationPart(values, session, null),
    }) as EvaluateRecipe;
    const value = await session.runJob(recipe);
    return evaluateOutcome(value);
  },
};

export const evaluateOutcome = (value: EvaluateResult): Outcome => ({
  value,
  text: (canvas) => describe(value, canvas),
  exitCode: exitCodeOfResult(value),
});

function describe(result: EvaluateResult, { style, width }: Canvas): string[] {
  const share = (value: number, error: number): string => `${(100 * value).toFixed(1)} ± ${(100 * error).toFixed(1)} %`;
  const rows = result.tasks.map((task) => [
    task.name,
    count(task.examples),
    share(task.accuracy, task.standardError),
    share(task.accuracyNormalised, task.standardErrorNormalised),
  ]);
  const right = 'right' as const;
  const columns = [
    { title: 'task' },
    { title: 'questions', align: right },
    { title: 'right', align: right },
    { title: 'by length', align: right },
  ];
  return [
    qualityVerdict({ ...result, quality: result }, style),
    '',
    ...fields([
      ...qualityFields({ ...result, quality: result }),
      ['device', result.device],
      ['took', `${formatDuration(result.seconds)}, ${count(result.tokensPerSecond)} tokens/s`],
    ]),
    ...(rows.length > 0 ? ['', ...table(columns, rows, width)] : []),
    ...warningLines(result.warnings, style),
  ];
}
