// The candidates of a fit: made, measured on held-out text, and the best of them finished.
import type { Plan } from '../../contract/plan.ts';
import type { FitRecipe } from '../../contract/recipe.ts';
import type { FitResult } from '../../contract/results.ts';
import { AppError } from '../../contract/errors.ts';
import { runOf, serverCommand } from '../../core/planning/command.ts';
import { fileKey, ranked, score } from '../../core/planning/rank.ts';
import { verdictOf } from '../../core/planning/verdict.ts';
import type { Planned } from '../planner/plan-model.ts';
import type { EvaluationEngine } from '../stages/engine.ts';
import { evaluate } from '../stages/evaluate.ts';
import type { GgufSource } from '../stages/open.ts';
import type { PlannedRun } from '../stages/prove.ts';
import type { EvaluationTokens } from '../stages/texts.ts';
import { totalSeconds, type JobContext } from './context.ts';
import { finishFile } from './finish-file.ts';
import { makeFile, type ImportanceUse } from './make-file.ts';
import { cleaning, unfinishedName } from './output-paths.ts';

/** Above this many bytes llama.cpp's expansion to F16 costs more than it tells; candidates are then compared as they run. */
const largestExpansionBytes = 4e9;

export interface FitWork {
  context: JobContext;
  recipe: FitRecipe;
  planned: Planned;
  source: GgufSource;
  importance: ImportanceUse;
  /** Measures every candidate, and the winner at the end. */
  engine: EvaluationEngine;
  /** null where nothing is measured. */
  text: EvaluationTokens | null;
}

interface Made {
  plan: Plan;
  file: string;
  fileBytes: number;
  sha256: string;
  measured: FitResult['measured'][number] | null;
}

/** Makes the chosen plans, keeps the one that measures best, finishes it. */
export async function makeAndMeasure(work: FitWork, chosen: readonly Plan[]): Promise<FitResult> {
  const files = chosen.map((_plan, index) => unfinishedName(work.recipe.output, index + 1));
  return cleaning(files, async () => {
    const made: Made[] = [];
    for (const [index, plan] of chosen.entries()) {
      const one = await makeOne(work, plan, { file: files[index]!, measures: chosen.length > 1 }).catch(
        (error: unknown) => passOver(work, plan, error),
      );
      if (one) made.push(one);
    }
    if (made.length === 0)
      throw new AppError('IMPORTANCE_MISSING', `None of the plans could be made: ${work.context.warnings.join(' ')}`);
    made.sort((a, b) => measuredScore(a, work.planned) - measuredScore(b, work.planned));
    return finish(work, made);
  });
}

/** A candidate that needs importance for a weight that the calibration never reached is left out, and said. */
function passOver({ context }: FitWork, plan: Plan, error: unknown): null {
  if (!(error instanceof AppError && error.code === 'IMPORTANCE_MISSING')) throw error;
  context.warnings.push(`${plan.summary} was passed over: ${error.message}`);
  return null;
}

const measuredScore = ({ plan, measured }: Made, { rank }: Planned): number =>
  score(plan, rank, measured?.quality.kld?.mean);

async function makeOne(
  work: FitWork,
  plan: Plan,
  { file, measures }: { file: string; measures: boolean },
): Promise<Made> {
  const { context, recipe, planned, source, importance, text } = work;
  const { types, fileType } = planned.drafts.get(plan.id)!.file.candidate;
  const made = await makeFile(context, {
    source: source.path,
    output: file,
    types,
    fileType,
    importance: importance.file,
    detail: plan.summary,
  });
  if (!measures || !text) return { plan, file, ...made, measured: null };
  const { quality } = await evaluate(context, {
    candidate: file,
    reference: source.path,
    // Half of the windows tells candidates apart; the winner is evaluated on all of them.
    text: { ...text, windows: text.windows.slice(0, Math.ceil(text.windows.length / 2)) },
    engine: work.engine,
    device: recipe.device,
    weightsOnly: source.parameters * 2 <= largestExpansionBytes,
    stage: 'measure',
    detail: plan.summary,
  });
  return { plan, file, ...made, measured: { id: plan.id, summary: plan.summary, fileBytes: made.fileBytes, quality } };
}

/** Evaluates, proves and publishes the best of what was made. */
async function finish(work: FitWork, made: readonly Made[]): Promise<FitResult> {
  const { context, recipe, source, planned, text } = work;
  const { file, plan, fileBytes, sha256 } = made[0]!;
  const finished = await finishFile(context, {
    recipe,
    source: source.path,
    file,
    engine: work.engine,
    planned: plannedRunOf(planned, plan),
    text,
    predictedKld: plan.predicted.kldHigh,
  });
  const measured = made.flatMap((one) => (one.measured ? [one.measured] : []));
  return {
    ...fitResultOf(context, withMeasured(planned, measured), { best: plan.id }),
    output: recipe.output,
    fileBytes,
    sha256,
    measured,
    calibration: work.importance.calibration,
    ...finished,
    command: serverCommand(plan, planned.run, recipe.output),
  };
}

/** How a plan's file is run, for its proof. */
export function plannedRunOf(planned: Planned, plan: Plan): PlannedRun {
  return { header: planned.drafts.get(plan.id)!.header, ...runOf(plan, planned.run) };
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
      kldLow: Math.max(0, mean - 2 * standardError),
      kldHigh: mean + 2 * standardError,
      perplexityRatio: quality.perplexityRatio ?? 1,
      basis: 'measured' as const,
    };
    return { ...plan, predicted };
  });
  return { ...planned, list: { ...planned.list, plans: ranked(plans, planned.rank) } };
}

/** What every fit's result has, whatever came of it. `verdictOn`: the plan the verdict is about where it is not the best. */
export function fitResultOf(
  context: JobContext,
  { list }: Planned,
  { best, verdictOn = null }: { best: string | null; verdictOn?: Plan | null },
): FitResult {
  const plan = list.plans.find(({ id }) => id === best) ?? null;
  return {
    run: context.run,
    warnings: context.warnings,
    device: context.device,
    verdict: verdictOf(list.plans, list.target, plan ?? verdictOn),
    best,
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
