import type { QuantizeRecipe } from '../../contract/recipe.ts';
import type { Proof, Quality, QuantizeResult } from '../../contract/results.ts';
import { AppError } from '../../contract/errors.ts';
import { candidateOf, isPossible, type Candidate } from '../../core/planning/candidates.ts';
import { predictLoss } from '../../core/planning/prior.ts';
import { findMix, findType, mixes } from '../../core/quantization/mixes.ts';
import { requantizedWarning } from '../../core/quantization/source-precision.ts';
import { plannedFile, writeHeader } from '../planner/headers.ts';
import { evaluate, refuseOnnx } from '../stages/evaluate.ts';
import { withModel, type GgufSource } from '../stages/open.ts';
import { prove } from '../stages/prove.ts';
import { openEvaluation, type EvaluationTokens } from '../stages/texts.ts';
import { stage, totalSeconds, type JobContext } from './context.ts';
import { checkGate, gateOf } from './gate.ts';
import { countTypes, makeFile, obtainImportance } from './make-file.ts';
import { checkOutput, cleaning, publish, unfinishedName } from './output-paths.ts';

/** The verb `quantize`: one mix or one type, with importance, evaluated and proved. */
export async function runQuantize(context: JobContext, recipe: QuantizeRecipe): Promise<QuantizeResult> {
  await checkOutput(recipe.output, recipe.model, recipe.force);
  checkGate(recipe.evaluation, recipe.evaluate);
  refuseOnnx(recipe.evaluation);
  const question = questionOf(recipe);
  return withModel(context, recipe.model, (source) => quantizeSource(context, recipe, source, question));
}

async function quantizeSource(
  context: JobContext,
  recipe: QuantizeRecipe,
  source: GgufSource,
  question: Question,
): Promise<QuantizeResult> {
  const candidate = await findTypes(context, source, question);
  const planned = plannedFile(source.gguf, candidate);
  const header = await writeHeader(planned, context.scratch);
  const importance = await obtainImportance(context, {
    ...recipe,
    model: source.path,
    hiddenSize: source.config.hiddenSize,
  });
  const measures = recipe.evaluate || recipe.prove;
  const text = measures
    ? await stage(context, 'tokenize', () => openEvaluation(context, source.path, recipe.evaluation, importance.texts))
    : null;
  const unproved = unfinishedName(recipe.output);
  return cleaning([unproved], async () => {
    const made = await makeFile(context, {
      source: source.path,
      output: unproved,
      types: candidate.types,
      fileType: candidate.fileType,
      importance: importance.file,
    });
    const warning = requantizedWarning(made.requantized);
    if (warning !== null) context.warnings.push(warning);
    const predicted = predictedLoss(planned.layout.tensors, source.parameters);
    const checked = await check(context, { recipe, source: source.path, unproved, header, text, predicted });
    await publish(unproved, recipe, checked.proof);
    return {
      run: context.run,
      warnings: context.warnings,
      device: checked.device,
      output: recipe.output,
      method: 'quantize',
      type: candidate.type ?? recipe.type,
      widths: null,
      parametersBefore: source.parameters,
      parametersAfter: source.parameters,
      fileBytes: made.fileBytes,
      sha256: made.sha256,
      tensorTypes: countTypes(Object.fromEntries(planned.layout.tensors.map(({ name, type }) => [name, type]))),
      unseenExperts: Math.max(made.unseenExperts, importance.unseenExperts),
      calibration: importance.calibration,
      ...(checked.quality ? { quality: checked.quality } : {}),
      ...(checked.proof ? { proof: checked.proof } : {}),
      ...gateField(recipe, checked.quality),
      seconds: totalSeconds(context).total,
      stages: context.seconds,
      peakMemoryBytes: context.peakMemoryBytes,
    };
  });
}

const gateField = (recipe: QuantizeRecipe, quality: Quality | undefined): { gate?: QuantizeResult['gate'] } => {
  const gate = recipe.evaluate ? gateOf(recipe.evaluation, quality) : undefined;
  return gate ? { gate } : {};
};

function predictedLoss(tensors: readonly { type: string; shape: readonly number[] }[], parameters: number): number {
  const matrices = tensors.filter(({ shape }) => shape.length > 1);
  return predictLoss(
    matrices.map(({ type, shape }) => ({ type, elements: shape.reduce((product, size) => product * size, 1) })),
    parameters,
  ).kldHigh;
}

interface Question {
  name: string;
  pure: boolean;
  importance: boolean;
}

/** `--type` names a mix; with `--pure` a single type, asked for through the mix that is made of it. @throws USAGE */
function questionOf({ type, pure, importance }: QuantizeRecipe): Question {
  const withImportance = importance !== 'off';
  if (!pure) return { name: findMix(type).name, pure, importance: withImportance };
  const single = findType(type);
  const mix = mixes.find((known) => known.type === single);
  if (!mix)
    throw new AppError('USAGE', `${single} cannot be asked for on all tensors: llama.cpp has no mix of it.`, { type });
  return { name: mix.name, pure, importance: withImportance };
}

async function findTypes(
  context: JobContext,
  { path: model, config }: GgufSource,
  question: Question,
): Promise<Candidate> {
  const { results } = await context.llama((client) =>
    client.mixTypes({ model, mixes: [question] }, { signal: context.signal }),
  );
  const candidate = candidateOf(question, results[0]?.types ?? null);
  if (!candidate && results[0]?.needsImportance) {
    throw new AppError(
      'IMPORTANCE_MISSING',
      `${question.name} gives garbage without importance: leave --importance on, or give a file.`,
      { model, type: question.name },
    );
  }
  if (!candidate)
    throw new AppError(
      'LLAMA_FAILED',
      `llama.cpp cannot make ${question.name} of this model: ${results[0]?.reason ?? 'no reason given'}.`,
      { model },
    );
  if (!isPossible(candidate, config.tiedEmbeddings)) {
    throw new AppError(
      'IMPORTANCE_MISSING',
      `The input embedding cannot be ${question.name}: that needs importance, and an embedding that is not the head too has none. Leave out --pure.`,
      {
        model,
        tensor: 'token_embd.weight',
      },
    );
  }
  return candidate;
}

interface CheckOptions {
  recipe: QuantizeRecipe;
  source: string;
  unproved: string;
  header: string;
  text: EvaluationTokens | null;
  predicted: number;
}

async function check(
  context: JobContext,
  options: CheckOptions,
): Promise<{ quality?: Quality; proof?: Proof; device: string }> {
  const { recipe, source, unproved, text } = options;
  const { device, evaluation } = recipe;
  if (!text) return { device: 'cpu' };
  const evaluated = recipe.evaluate
    ? await evaluate(context, {
        candidate: unproved,
        reference: source,
        text,
        device,
        weightsOnly: evaluation.weightsOnly,
      })
    : null;
  const proof = recipe.prove
    ? await prove(context, {
        source,
        output: unproved,
        plannedHeader: options.header,
        window: text.windows[0]!,
        predictedKld: options.predicted,
        device,
      })
    : undefined;
  return {
    device: evaluated?.device ?? 'cpu',
    ...(evaluated ? { quality: evaluated.quality } : {}),
    ...(proof ? { proof } : {}),
  };
}
