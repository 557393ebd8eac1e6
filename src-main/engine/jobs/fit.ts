import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Plan } from '../../contract/plan.ts';
import type { FitRecipe } from '../../contract/recipe.ts';
import type { FitResult, Proof } from '../../contract/results.ts';
import { AppError } from '../../contract/errors.ts';
import { formatMemory } from '../../contract/units.ts';
import { serverCommand } from '../../core/planning/command.ts';
import { verdictOf } from '../../core/planning/verdict.ts';
import { distinctFiles, fileKey, ranked, score } from '../../core/planning/rank.ts';
import { planModel, type Planned } from '../planner/plan-model.ts';
import { evaluate, refuseOnnx } from '../stages/evaluate.ts';
import { withModel, type GgufSource } from '../stages/open.ts';
import { prove } from '../stages/prove.ts';
import { openEvaluation, type EvaluationTokens } from '../stages/texts.ts';
import { stage, totalSeconds, type JobContext } from './context.ts';
import { checkGate, gateOf } from './gate.ts';
import { makeFile, obtainImportance, type ImportanceUse } from './make-file.ts';
import { checkOutput, cleaning, publish, unfinishedName } from './output-paths.ts';

/** Above this many bytes an expansion to F16 costs more than it tells; candidates are then compared as they run. */
const largestExpansionBytes = 4e9;

/** The verb `fit`: plans, makes and measures the best candidates, proves the winner. */
export async function runFit(context: JobContext, recipe: FitRecipe): Promise<FitResult> {
  await checkOutput(recipe.output, recipe.model, recipe.force);
  checkGate(recipe.evaluation, recipe.evaluate);
  refuseOnnx(recipe.evaluation);
  return withModel(context, recipe.model, (source) => fitSource(context, recipe, source));
}

async function fitSource(context: JobContext, recipe: FitRecipe, source: GgufSource): Promise<FitResult> {
  const planned = await planModel(context, source, { ...recipe, importance: recipe.importance !== 'off' });
  const chosen = choose(planned, recipe);
  context.warnings.push(...planned.list.warnings);
  const best = chosen[0];
  checkJobMemory(chosen, recipe.maxMemoryBytes);
  if (!best) return emptyResult(context, planned, null);
  if (fileKey(best) === 'source') return fitsAsIs(context, recipe, { planned, plan: best, file: source.path });
  const importance = await obtainImportance(context, {
    ...recipe,
    model: source.path,
    hiddenSize: source.config.hiddenSize,
  });
  const text = await stage(context, 'tokenize', () =>
    openEvaluation(context, source.path, recipe.evaluation, importance.texts),
  );
  return makeAndMeasure(
    { context, recipe, planned, source: source.path, parameters: source.parameters, importance, text },
    chosen,
  );
}

/** Refuses a job that is expected to need more memory than it may have, before any work. @throws OUT_OF_MEMORY */
function checkJobMemory(plans: readonly Plan[], limit: number | null): void {
  const needed = Math.max(0, ...plans.map(({ cost }) => cost.peakMemoryBytes));
  if (limit === null || needed <= limit) return;
  throw new AppError(
    'OUT_OF_MEMORY',
    `Making this needs about ${formatMemory(needed)} of memory, and --max-memory allows ${formatMemory(limit)}.`,
    { needed, limit },
  );
}

/** The plan that was named, else the best ones with different files. @throws USAGE for an unknown plan */
function choose({ list }: Planned, { plan: wanted, candidates, evaluate: measures }: FitRecipe): Plan[] {
  if (wanted === null) {
    const best = distinctFiles(list.plans, measures ? candidates : 1);
    return best[0]?.steps.some(({ method }) => method === 'quantize')
      ? best.filter((plan) => fileKey(plan) !== 'source')
      : best.slice(0, 1);
  }
  const plan = list.plans.find(({ id }) => id === wanted);
  if (!plan)
    throw new AppError('USAGE', `There is no plan "${wanted}" for this model and target. \`snug plan\` lists them.`, {
      plan: wanted,
    });
  return [plan];
}

interface Work {
  context: JobContext;
  recipe: FitRecipe;
  planned: Planned;
  source: string;
  parameters: number;
  importance: ImportanceUse;
  text: EvaluationTokens;
}

interface Made {
  plan: Plan;
  file: string;
  fileBytes: number;
  sha256: string;
  measured: FitResult['measured'][number] | null;
}

async function makeAndMeasure(work: Work, chosen: readonly Plan[]): Promise<FitResult> {
  const { context } = work;
  const files = chosen.map((_plan, index) => unfinishedName(work.recipe.output, index + 1));
  return cleaning(files, async () => {
    const made: Made[] = [];
    for (const [index, plan] of chosen.entries()) {
      const one = await makeOne(work, plan, files[index]!, chosen.length > 1).catch((error: unknown) =>
        passOver(work, plan, error),
      );
      if (one) made.push(one);
    }
    if (made.length === 0)
      throw new AppError('IMPORTANCE_MISSING', `None of the plans could be made: ${context.warnings.join(' ')}`);
    made.sort((a, b) => measuredScore(a, work.planned) - measuredScore(b, work.planned));
    return finish(work, made);
  });
}

/** A candidate that needs importance for a weight that the calibration never reached is left out, and said. */
function passOver({ context }: Work, plan: Plan, error: unknown): null {
  if (!(error instanceof AppError && error.code === 'IMPORTANCE_MISSING')) throw error;
  context.warnings.push(`${plan.summary} was passed over: ${error.message}`);
  return null;
}

const measuredScore = ({ plan, measured }: Made, { rank }: Planned): number =>
  score(plan, rank, measured?.quality.kld?.mean);

async function makeOne(work: Work, plan: Plan, file: string, measures: boolean): Promise<Made> {
  const { context, recipe, planned, source, importance, text } = work;
  const { candidate } = planned.drafts.get(plan.id)!.file;
  const made = await makeFile(context, {
    source,
    output: file,
    types: candidate.types,
    fileType: candidate.fileType,
    importance: importance.file,
    detail: plan.summary,
  });
  if (!measures) return { plan, file, ...made, measured: null };
  const weightsOnly = work.parameters * 2 <= largestExpansionBytes;
  // Half of the windows tells candidates apart; the winner is evaluated on all of them.
  const half = { ...text, windows: text.windows.slice(0, Math.ceil(text.windows.length / 2)) };
  const { quality } = await evaluate(context, {
    candidate: file,
    reference: source,
    text: half,
    device: recipe.device,
    weightsOnly,
    stage: 'measure',
    detail: plan.summary,
  });
  return { plan, file, ...made, measured: { id: plan.id, summary: plan.summary, fileBytes: made.fileBytes, quality } };
}

/** Evaluates, proves and publishes the best of what was made. */
async function finish(work: Work, made: readonly Made[]): Promise<FitResult> {
  const { context, recipe, source, text } = work;
  const { device, evaluation, output } = recipe;
  const { file, plan, fileBytes, sha256 } = made[0]!;
  const evaluated = recipe.evaluate
    ? await evaluate(context, { candidate: file, reference: source, text, device, weightsOnly: evaluation.weightsOnly })
    : null;
  const proof = recipe.prove
    ? await prove(context, {
        source,
        output: file,
        plannedHeader: work.planned.drafts.get(plan.id)!.header,
        window: text.windows[0]!,
        predictedKld: plan.predicted.kldHigh,
        device,
      })
    : undefined;
  await publish(file, recipe, proof);
  const gate = recipe.evaluate ? gateOf(evaluation, evaluated?.quality) : undefined;
  const measured = made.flatMap((one) => (one.measured ? [one.measured] : []));
  return {
    ...emptyResult(context, withMeasured(work.planned, measured), plan.id),
    device: evaluated?.device ?? 'cpu',
    output,
    fileBytes,
    sha256,
    measured,
    calibration: work.importance.calibration,
    ...(evaluated ? { quality: evaluated.quality } : {}),
    ...(proof ? { proof } : {}),
    ...(gate ? { gate } : {}),
    command: serverCommand(plan, recipe.target, { file: output, contextLength: work.planned.facts.contextLength }),
    seconds: totalSeconds(context),
  };
}

/** The plans with what was measured in place of what was predicted, for every plan that has the same file. */
function withMeasured(planned: Planned, measured: FitResult['measured']): Planned {
  const found = new Map(
    measured.map((entry) => [fileKey(planned.list.plans.find(({ id }) => id === entry.id)!), entry.quality]),
  );
  const plans = planned.list.plans.map((plan): Plan => {
    const quality = found.get(fileKey(plan));
    if (!quality?.kld) return plan;
    const { mean, standardError } = quality.kld;
    const predicted = {
      kld: mean,
      kldLow: mean - 2 * standardError,
      kldHigh: mean + 2 * standardError,
      perplexityRatio: quality.perplexityRatio ?? 1,
      basis: 'measured' as const,
    };
    return { ...plan, predicted };
  });
  return { ...planned, list: { ...planned.list, plans: ranked(plans, planned.rank) } };
}

/** A source that meets the target already: nothing is written, the file itself is the answer; it is proved all the same. */
async function fitsAsIs(
  context: JobContext,
  recipe: FitRecipe,
  { planned, plan, file }: { planned: Planned; plan: Plan; file: string },
): Promise<FitResult> {
  let proof: Proof | undefined;
  if (recipe.prove) {
    const text = await stage(context, 'tokenize', () => openEvaluation(context, file, recipe.evaluation, []));
    const plannedHeader = planned.drafts.get(plan.id)!.header;
    proof = await prove(context, {
      source: file,
      output: file,
      plannedHeader,
      window: text.windows[0]!,
      predictedKld: 0,
      device: recipe.device,
    });
    if (!proof.passed)
      throw new AppError('PROOF_FAILED', `${file} did not pass its proof: ${proof.reason}.`, { proof, path: file });
  }
  context.warnings.push('Nothing was written: the source meets the target already.');
  const sha256 = await stage(context, 'checksum', () => sha256Of(file));
  return {
    ...emptyResult(context, planned, plan.id),
    output: file,
    fileBytes: plan.fileBytes,
    sha256,
    ...(proof ? { proof } : {}),
    command: serverCommand(plan, recipe.target, { file, contextLength: planned.facts.contextLength }),
    seconds: totalSeconds(context),
  };
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

function emptyResult(context: JobContext, { list }: Planned, chosen: string | null): FitResult {
  const plan = list.plans.find(({ id }) => id === chosen) ?? null;
  return {
    run: context.run,
    warnings: context.warnings,
    device: 'cpu',
    verdict: verdictOf(list.plans, list.target, plan),
    best: chosen,
    output: null,
    fileBytes: null,
    sha256: null,
    plan,
    measured: [],
    plans: list.plans,
    calibration: null,
    command: null,
    seconds: totalSeconds(context),
    peakMemoryBytes: context.peakMemoryBytes,
  };
}
