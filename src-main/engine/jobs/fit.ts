import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Plan } from '../../contract/plan.ts';
import type { FitRecipe } from '../../contract/recipe.ts';
import type { FitResult, Quality } from '../../contract/results.ts';
import { AppError } from '../../contract/errors.ts';
import { formatMemory } from '../../contract/units.ts';
import { serverCommand } from '../../core/planning/command.ts';
import { distinctFiles, fileKey } from '../../core/planning/rank.ts';
import { planModel, type Planned } from '../planner/plan-model.ts';
import { chooseEngine, type EvaluationEngine } from '../stages/engine.ts';
import { evaluate } from '../stages/evaluate.ts';
import { withModel, type GgufSource } from '../stages/open.ts';
import { prove } from '../stages/prove.ts';
import { openEvaluation, type EvaluationTokens } from '../stages/texts.ts';
import { stage, totalSeconds, type JobContext } from './context.ts';
import { fitResultOf, makeAndMeasure, plannedRunOf } from './fit-candidates.ts';
import { checkGate, gateOf } from './gate.ts';
import { importanceInputs, obtainImportance } from './make-file.ts';
import { checkOutput, refuseInputs } from './output-paths.ts';

/** The verb `fit`: plans, makes and measures the best candidates, proves the winner. */
export async function runFit(context: JobContext, recipe: FitRecipe): Promise<FitResult> {
  await checkOutput(recipe, [recipe.model, ...importanceInputs(recipe)]);
  checkGate(recipe.evaluation, recipe.evaluate);
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
  const planned = await planModel(context, source, { ...recipe, importance: recipe.importance !== 'off' });
  context.warnings.push(...planned.list.warnings);
  const chosen = choose(planned, recipe);
  const best = chosen[0];
  // A plan that was named and does not fit is not made either: the verdict says by how much.
  if (!best?.fits) return fitResultOf(context, planned, { best: null, verdictOn: best ?? null });
  checkJobMemory(chosen, recipe.maxMemoryBytes);
  const isSource = fileKey(best) === 'source';
  if (isSource && !source.isConverted) return fitsAsIs({ context, recipe, planned, plan: best, source, engine });
  const importance = await obtainImportance(context, {
    ...recipe,
    importance: isSource ? 'off' : recipe.importance,
    model: source.path,
    hiddenSize: source.config.hiddenSize,
  });
  const measures = recipe.evaluate || recipe.prove;
  const text = measures ? await openText(context, recipe, source, importance.texts) : null;
  return makeAndMeasure({ context, recipe, planned, source, importance, engine, text }, chosen);
}

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

/** The plan that was named, else the best ones with different files. @throws USAGE for an unknown plan */
function choose({ list }: Planned, { plan: wanted, candidates, evaluate: measures }: FitRecipe): Plan[] {
  if (wanted !== null) {
    const plan = list.plans.find(({ id }) => id === wanted);
    if (plan) return [plan];
    const message = `There is no plan "${wanted}" for this model and target. \`snug plan\` lists them.`;
    throw new AppError('USAGE', message, { plan: wanted });
  }
  const best = distinctFiles(list.plans, measures ? candidates : 1);
  const makesFile = best[0] !== undefined && fileKey(best[0]) !== 'source';
  return makesFile ? best.filter((plan) => fileKey(plan) !== 'source') : best.slice(0, 1);
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
  const sha256 = await stage(context, 'checksum', () => sha256Of(file));
  return {
    ...fitResultOf(context, planned, { best: plan.id }),
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

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
