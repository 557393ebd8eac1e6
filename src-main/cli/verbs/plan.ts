// snug plan: ways to make a model fit, best first.
import type { Plan, PlanList } from '../../contract/plan.ts';
import type { PlanRecipe } from '../../contract/recipe.ts';
import { formatFileSize, formatMemory } from '../../contract/units.ts';
import { exitCodeOfResult } from '../exit-codes.ts';
import { everywhere, jobOptions, planOptions, targetOptions } from '../options.ts';
import { modelPath } from '../paths.ts';
import { checkRecipe, forbid, jobPart } from '../recipe-parts.ts';
import { count } from '../report/numbers.ts';
import { forecastFields, makesFile, planFields, planTable } from '../report/plans.ts';
import { warningLines } from '../report/quality.ts';
import type { Canvas } from '../report/style.ts';
import { fields } from '../report/table.ts';
import { targetPart } from '../target-part.ts';
import type { Outcome, Verb } from '../verb.ts';
import { ofSlices } from './fit.ts';

export const plan: Verb = {
  name: 'plan',
  summary: 'list the ways to make a model fit, best first',
  usage: 'MODEL (--memory SIZE | --file-size SIZE)',
  takesModel: true,
  options: [...targetOptions, ...planOptions, ...jobOptions, ...everywhere],
  examples: [
    'snug plan model.gguf --memory 24GiB --context 8192 --kv-type q8_0',
    'snug plan model.gguf --file-size 8GB',
    'snug plan hub:Qwen/Qwen3-0.6B --memory 8GiB',
  ],
  async run(model, values, session) {
    if (values.methods === 'quantize') forbid(values, ['orientation'], ofSlices);
    const recipe = checkRecipe({
      verb: 'plan',
      ...jobPart(values),
      model: modelPath(model, session.resolve),
      target: await targetPart(values, session),
      ...{ methods: values.methods, orientation: values.orientation },
    }) as PlanRecipe;
    const value = await session.runJob(recipe);
    return planOutcome(value);
  },
};

export const planOutcome = (value: PlanList): Outcome => ({
  value,
  text: (canvas) => describe(value, canvas),
  exitCode: exitCodeOfResult(value),
});

function describe({ verdict, target, best, plans, sliceRefusal, warnings }: PlanList, canvas: Canvas): string[] {
  const { style } = canvas;
  const shown = plans.find((one) => one.id === best) ?? plans[0];
  return [
    (best === null ? style.bad : style.good)(verdict),
    targetLine(target),
    '',
    ...planTable(plans, best, target, canvas),
    ...(shown ? ['', ...fields([...planFields(shown, target), ...forecastFields(shown)])] : []),
    ...(sliceRefusal === null ? [] : [style.quiet(`No slices among the plans: ${sliceRefusal}`)]),
    ...warningLines(warnings, style),
    ...(best === null || !shown ? [] : ['', nextStep(shown)]),
  ];
}

function nextStep(plan: Plan): string {
  return makesFile(plan)
    ? 'Make it: snug fit MODEL with the same options and --output FILE.gguf (--plan ID for another plan)'
    : 'Nothing has to be made. For a smaller file: snug fit MODEL with the same options, --plan ID and --output FILE.gguf';
}

function targetLine(target: PlanList['target']): string {
  if (target.kind === 'file') return `For a file of at most ${formatFileSize(target.bytes)}.`;
  const { bytes, context, kvType, reserveBytes } = target;
  return `For ${formatMemory(bytes)} of memory with ${count(context)} tokens of context, KV cache ${kvType}, ${formatMemory(reserveBytes)} left free.`;
}
