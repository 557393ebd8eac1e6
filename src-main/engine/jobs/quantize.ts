import type { QuantizeRecipe } from '../../contract/recipe.ts';
import type { QuantizeResult } from '../../contract/results.ts';
import { AppError } from '../../contract/errors.ts';
import type { MixQuestion } from '../../core/planning/candidates.ts';
import { predictFile } from '../../core/planning/prior.ts';
import { findMix, findType, mixOfType } from '../../core/quantization/mixes.ts';
import { requantizedWarning } from '../../core/quantization/source-precision.ts';
import { plannedFile, writeHeader } from '../planner/headers.ts';
import { defaultRun } from '../planner/plan-model.ts';
import { chooseEngine } from '../stages/engine.ts';
import { findTypes } from '../stages/mix-types.ts';
import { withModel, type GgufSource } from '../stages/open.ts';
import { openEvaluation } from '../stages/texts.ts';
import { stage, totalSeconds, type JobContext } from './context.ts';
import { finishFile } from './finish-file.ts';
import { checkGate } from './gate.ts';
import { countTypes, importanceFor, importanceInputs, makeFile, obtainImportance } from './make-file.ts';
import { checkOutput, cleaning, refuseInputs, unfinishedName } from './output-paths.ts';

/** The verb `quantize`: one mix or one type, with importance, evaluated and proved. */
export async function runQuantize(context: JobContext, recipe: QuantizeRecipe): Promise<QuantizeResult> {
  await checkOutput(recipe, [recipe.model, ...importanceInputs(recipe)]);
  checkGate(recipe.evaluation, recipe.evaluate);
  const question = questionOf(recipe);
  return withModel(context, recipe.model, async (source) => {
    await refuseInputs(
      recipe.output,
      source.gguf.shards.map(({ name }) => name),
    );
    return quantizeSource(context, recipe, source, question);
  });
}

async function quantizeSource(
  context: JobContext,
  recipe: QuantizeRecipe,
  source: GgufSource,
  question: MixQuestion,
): Promise<QuantizeResult> {
  const engine = await chooseEngine(context, recipe, [source.path]);
  const candidate = await findTypes(context, source, question);
  const planned = plannedFile(source.gguf, candidate);
  const header = await writeHeader(planned, context.scratch);
  const importance = await obtainImportance(context, {
    ...recipe,
    importance: importanceFor(recipe, source.tensors, [candidate.types]),
    model: source.path,
    hiddenSize: source.config.hiddenSize,
  });
  const measures = recipe.evaluate || recipe.prove;
  const text = measures
    ? await stage(context, 'tokenize', () => openEvaluation(context, source.path, recipe.evaluation, importance.texts))
    : null;
  const file = unfinishedName(recipe.output);
  return cleaning([file], async () => {
    const { types, fileType } = candidate;
    const made = await makeFile(context, {
      source: source.path,
      output: file,
      types,
      fileType,
      importance: importance.file,
    });
    const warning = requantizedWarning(made.requantized);
    if (warning !== null) context.warnings.push(warning);
    const predictedKld = predictFile(source.tensors, types, source.parameters).kldHigh;
    const run = { header, ...defaultRun(source.config.contextLength) };
    const finished = await finishFile(context, {
      ...{ recipe, source: source.path, file, engine, planned: run, text, predictedKld },
    });
    return {
      run: context.run,
      warnings: context.warnings,
      device: context.device,
      output: recipe.output,
      method: 'quantize',
      type: candidate.type ?? recipe.type,
      widths: null,
      parametersBefore: source.parameters,
      parametersAfter: source.parameters,
      fileBytes: made.fileBytes,
      sha256: made.sha256,
      tensorTypes: countTypes(Object.fromEntries(planned.layout.tensors.map(({ name, type }) => [name, type]))),
      resumedAtTensor: made.resumedAtTensor,
      unseenExperts: Math.max(made.unseenExperts, importance.unseenExperts),
      calibration: importance.calibration,
      ...finished,
      seconds: totalSeconds(context).total,
      stages: context.seconds,
      peakMemoryBytes: context.peakMemoryBytes,
    };
  });
}

/** `--type` names a mix; with `--pure` a single type, asked for through the mix that is made of it. @throws USAGE */
function questionOf({ type, pure, importance }: QuantizeRecipe): MixQuestion {
  const withImportance = importance !== 'off';
  if (!pure) return { name: findMix(type).name, pure, importance: withImportance };
  const single = findType(type);
  const mix = mixOfType(single);
  if (!mix)
    throw new AppError('USAGE', `${single} cannot be asked for on all tensors: llama.cpp has no mix of it.`, { type });
  return { name: mix.name, pure, importance: withImportance };
}
