import path from 'node:path';
import type { Plan } from '../../contract/plan.ts';
import type { FitRecipe } from '../../contract/recipe.ts';
import type { FitResult, Quality } from '../../contract/results.ts';
import { AppError } from '../../contract/errors.ts';
import { formatMemory } from '../../contract/units.ts';
import { requireSpace } from '../../core/formats/disk-space.ts';
import { serverCommand } from '../../core/planning/command.ts';
import { distinctFiles, fileKey } from '../../core/planning/rank.ts';
import type { SliceOutcome } from '../../core/planning/slice-outcome.ts';
import { sliceOf } from '../../core/planning/slices.ts';
import { sha256OfFile } from '../library/file-hash.ts';
import { planModel, type Planned } from '../planner/plan-model.ts';
import { chooseEngine, type EvaluationEngine } from '../stages/engine.ts';
import { evaluate } from '../stages/evaluate.ts';
import { withModel, type GgufSource } from '../stages/open.ts';
import { prove } from '../stages/prove.ts';
import { openEvaluation, type EvaluationTokens } from '../stages/texts.ts';
import { stage, totalSeconds, type JobContext } from './context.ts';
import { fitResultOf, makeAndMeasure, plannedRunOf, slicesOf } from './fit-candidates.ts';
import { rotate } from './fit-slice.ts';
import type { Choice } from './fit-work.ts';
import { checkGate, gateOf } from './gate.ts';
import { importanceFor, importanceInputs, obtainImportance } from './make-file.ts';
import { checkOutput, refuseInputs } from './output-paths.ts';
import { checkSliceImportance } from './slice.ts';

/** The verb `fit`: plans, makes and measures the best candidates, proves the winner. */
export async function runFit(context: JobContext, recipe: FitRecipe): Promise<FitResult> {
  await checkOutput(recipe, [recipe.model, ...importanceInputs(recipe)]);
  checkGate(recipe.evaluation, recipe.evaluate);
  if (recipe.methods === 'slice') checkSliceImportance(recipe);
  return withModel(context, recipe.model, async (source) => {
    await refuseInputs(
      recipe.output,
      source.gguf.shards.map(({ name }) => name),
    );
    return fitSource(context, recipe, source);
  });
}

async function fitSource(context: JobContext, recipe: FitRecipe, source: GgufSource): Promise<FitResult> {
  const engine = await chooseEngine(context, recipe, [source.path]);
  const planned = await planModel(context, source, recipe);
  context.warnings.push(...planned.list.warnings);
  const choice = choose(planned, recipe);
  const best = choice.plans[0];
  // A plan that was named and does not fit is not made either: the verdict says by how much.
  if (!best?.fits) {
    const slices = slicesOf(planned, best ? tooLarge(best, choice) : nothingFits(recipe));
    return { ...fitResultOf(context, planned, { best: null, verdictOn: best ?? null }), slices };
  }
  if (choice.plans.every((plan) => sliceOf(plan) !== null)) checkSliceImportance(recipe);
  checkJobMemory(choice.plans, recipe.maxMemoryBytes);
  // Now that their bytes are known: candidates lie beside each other until one is chosen.
  await requireSpace(
    path.resolve(recipe.output),
    choice.plans.reduce((sum, { cost }) => sum + cost.diskBytes, 0),
  );
  const isSource = fileKey(best) === 'source';
  if (isSource && !source.isConverted) return fitsAsIs({ context, recipe, planned, plan: best, source, engine });
  const importance = await obtainImportance(context, {
    ...recipe,
    importance: isSource ? 'off' : importanceFor(recipe, source.tensors, quantizedTypes(planned, choice)),
    model: source.path,
    hiddenSize: source.config.hiddenSize,
  });
  const measures = recipe.evaluate || recipe.prove;
  const sliceTexts = choice.slice || sliceOf(best) ? recipe.calibration.texts : [];
  const used = [...new Set([...importance.texts, ...sliceTexts])];
  const text = measures ? await openText(context, recipe, source, used) : null;
  const parts = { context, recipe, planned, source, importance, engine, text };
  return makeAndMeasure({ ...parts, rotation: once(() => rotate(parts)) }, choice);
}

/** Types of every file that is made of the model as it is: a slice has its importance from the statistics that it is made by. */
const quantizedTypes = ({ drafts }: Planned, { plans }: Choice): Readonly<Record<string, string>>[] =>
  plans.filter((plan) => sliceOf(plan) === null).map(({ id }) => drafts.get(id)!.file.candidate.types);

function openText(
  context: JobContext,
  recipe: FitRecipe,
  source: GgufSource,
  used: readonly string[],
): Promise<EvaluationTokens> {
  return stage(context, 'tokenize', () => openEvaluation(context, source.path, recipe.evaluation, used));
}

/** Refuses a job that is expected to need more memory than it may have, before any work. @throws OUT_OF_MEMORY */
function checkJobMemory(plans: readonly Plan[], limit: number | null): void {
  const needed = Math.max(...plans.map(({ cost }) => cost.peakMemoryBytes));
  if (limit === null || needed <= limit) return;
  const message = `Making this is expected to need ${formatMemory(needed)} of memory, and --max-memory allows ${formatMemory(limit)}.`;
  throw new AppError('OUT_OF_MEMORY', message, { needed, limit });
}

/**
 * The plan that was named, else the best ones with different files and the best slice to hold against them: unless nothing
 * else is wished, a slice is chosen by measurement, so without one there is none. @throws USAGE for an unknown plan
 */
function choose({ list }: Planned, recipe: FitRecipe): Choice {
  const { plan: wanted, candidates, evaluate: measures, methods } = recipe;
  const unsliced = list.plans.filter((plan) => sliceOf(plan) === null);
  if (wanted !== null) {
    const plan = list.plans.find(({ id }) => id === wanted);
    const best = unsliced.find(({ fits }) => fits) ?? null;
    // Where only slices are planned there is nothing to hold it against.
    const why = methods === 'slice' ? { kind: 'wished' as const } : { kind: 'named' as const, unsliced: best };
    if (plan) return { plans: [plan], slice: null, outcome: { ...why, plan, measured: null } };
    const message = `There is no plan "${wanted}" for this model and target. \`snug plan\` lists them.`;
    throw new AppError('USAGE', message, { plan: wanted });
  }
  if (methods === 'slice') {
    const plans = distinctFiles(list.plans, measures ? candidates : 1);
    const [first] = plans;
    return {
      plans,
      slice: null,
      outcome: first ? { kind: 'wished', plan: first, measured: null } : { kind: 'nothing-fits' },
    };
  }
  const best = distinctFiles(unsliced, measures ? candidates : 1);
  const slice = list.plans.find((plan) => plan.fits && sliceOf(plan) !== null) ?? null;
  if (best[0] === undefined) {
    const plans = measures && slice ? [slice] : [];
    return { plans, slice: null, outcome: { kind: 'alone', measured: null } };
  }
  if (fileKey(best[0]) === 'source') return { plans: best.slice(0, 1), slice: null, outcome: { kind: 'fits-as-is' } };
  const plans = best.filter((plan) => fileKey(plan) !== 'source');
  return {
    plans,
    ...(methods === 'quantize' ? { slice: null, outcome: { kind: 'unwished' } } : sliceToTry(slice, recipe)),
  };
}

const nothingFits = ({ methods }: FitRecipe): SliceOutcome => ({
  kind: methods === 'quantize' ? 'unwished' : 'nothing-fits',
});

/** What is to be said of slices where a plan was named that does not fit. */
const tooLarge = (plan: Plan, { outcome }: Choice): SliceOutcome =>
  sliceOf(plan) ? { kind: 'not-made', plan, because: { kind: 'too-large' } } : outcome;

/** The slice that is worth comparing, or why there is none. */
function sliceToTry(slice: Plan | null, { evaluate: measures, maxMemoryBytes }: FitRecipe): Omit<Choice, 'plans'> {
  if (slice === null) return { slice: null, outcome: { kind: 'none-fits' } };
  if (!measures) return { slice: null, outcome: { kind: 'not-measured' } };
  const { peakMemoryBytes } = slice.cost;
  if (maxMemoryBytes === null || peakMemoryBytes <= maxMemoryBytes) return { slice, outcome: { kind: 'none-fits' } };
  const because = { kind: 'too-much-memory', neededBytes: peakMemoryBytes, allowedBytes: maxMemoryBytes } as const;
  return { slice: null, outcome: { kind: 'not-made', plan: slice, because } };
}

interface AsIs {
  context: JobContext;
  recipe: FitRecipe;
  planned: Planned;
  plan: Plan;
  source: GgufSource;
  engine: EvaluationEngine;
}

/** A source that meets the target already: nothing is written, the file itself is the answer; it is measured and proved all the same. */
async function fitsAsIs({ context, recipe, planned, plan, source, engine }: AsIs): Promise<FitResult> {
  const file = source.path;
  const { device, evaluation } = recipe;
  const text = recipe.evaluate || recipe.prove ? await openText(context, recipe, source, []) : null;
  const quality =
    text && recipe.evaluate
      ? againstItself(
          (
            await evaluate(context, {
              candidate: file,
              reference: null,
              text,
              engine,
              device,
              weightsOnly: evaluation.weightsOnly,
            })
          ).quality,
        )
      : undefined;
  const gate = recipe.evaluate ? gateOf(evaluation, quality) : undefined;
  const expected = { predictedKld: 0, measuredKld: null };
  const proof =
    text && recipe.prove
      ? await prove(context, {
          source: file,
          output: file,
          planned: plannedRunOf(planned, plan),
          text,
          expected,
          device,
        })
      : undefined;
  if (proof && !proof.passed)
    throw new AppError('PROOF_FAILED', `${file} did not pass its proof: ${proof.reason}.`, { proof, path: file });
  context.warnings.push('Nothing was written: the source meets the target already.');
  const sha256 = await stage(context, 'checksum', () => sha256OfFile(file, { signal: context.signal }));
  return {
    ...fitResultOf(context, planned, { best: plan.id }),
    slices: slicesOf(planned, { kind: 'fits-as-is' }),
    output: file,
    fileBytes: plan.fileBytes,
    sha256,
    ...(quality && { quality }),
    ...(proof && { proof }),
    ...(gate && { gate }),
    command: serverCommand(plan, planned.run, file),
    seconds: totalSeconds(context),
    peakMemoryBytes: context.peakMemoryBytes,
  };
}

/** A file differs from itself in nothing; only its perplexity has to be measured. */
function againstItself(quality: Quality): Quality {
  const { compressed } = quality;
  return {
    ...quality,
    dense: compressed,
    perplexityRatio: 1,
    kld: { mean: 0, standardError: 0, p99: 0 },
    topOneAgreement: 1,
  };
}

/** Does it the first time it is asked for, and gives the same from then on. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => (made ??= make());
}
