// The candidates of a fit: made, measured on held-out text, and the best of them finished.
import type { Plan } from '../../contract/plan.ts';
import type { FitResult, SliceComparison } from '../../contract/results.ts';
import { AppError } from '../../contract/errors.ts';
import { runOf, serverCommand } from '../../core/planning/command.ts';
import { measuredPrediction } from '../../core/planning/measured-plans.ts';
import { fileKey, ranked, score } from '../../core/planning/rank.ts';
import type { SliceOutcome } from '../../core/planning/slice-outcome.ts';
import { compareSlices, isBetter } from '../../core/planning/slice-verdict.ts';
import { sliceOf } from '../../core/planning/slices.ts';
import { verdictOf } from '../../core/planning/verdict.ts';
import type { Planned } from '../planner/plan-model.ts';
import { evaluate } from '../stages/evaluate.ts';
import type { PlannedRun } from '../stages/prove.ts';
import { totalSeconds, type JobContext } from './context.ts';
import { finishFile } from './finish-file.ts';
import { lossOf, makeSliced, trySlice } from './fit-slice.ts';
import type { Choice, FitWork, Made } from './fit-work.ts';
import { makeFile } from './make-file.ts';
import { cleaning, unfinishedName } from './output-paths.ts';

/** Above this many bytes llama.cpp's expansion to F16 costs more than it tells; candidates are then compared as they run. */
const largestExpansionBytes = 4e9;

/** Makes the chosen plans, keeps the one that measures best, finishes it; a slice only where it is clearly better. */
export async function makeAndMeasure(work: FitWork, { plans, slice, outcome }: Choice): Promise<FitResult> {
  const candidates = slice ? [...plans, slice] : plans;
  const files = candidates.map((_plan, index) => unfinishedName(work.recipe.output, `candidate-${index + 1}`));
  const make = (plan: Plan): Promise<Made> =>
    makeOne(work, plan, { file: files[candidates.indexOf(plan)]!, measures: candidates.length > 1 });
  return cleaning(files, async () => {
    const made: Made[] = [];
    for (const plan of plans) {
      const one = await make(plan).catch((error: unknown) => passOver(work, plan, error));
      if (one) made.push(one);
    }
    const [best] = made.sort((a, b) => measuredScore(a, work.planned) - measuredScore(b, work.planned));
    if (!best)
      throw new AppError('IMPORTANCE_MISSING', `None of the plans could be made: ${work.context.warnings.join(' ')}`);
    if (!slice) return finish(work, made, outcome.kind === 'wished' ? { ...outcome, plan: best.plan } : outcome);
    const tried = await trySlice(work.planned, { slice, best }, make);
    return finish(work, withSlice(made, tried), tried.outcome);
  });
}

/** The slice comes first where it is chosen, and after the best where it is not, whatever the others lose. */
function withSlice(made: readonly Made[], { made: slice, outcome }: Awaited<ReturnType<typeof trySlice>>): Made[] {
  if (slice === null || outcome.kind !== 'compared') return [...made];
  return isBetter(outcome.slice, outcome.unsliced) ? [slice, ...made] : [...made, slice];
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
  const { context, recipe, source, text } = work;
  const step = sliceOf(plan);
  const made = step ? await makeSliced(work, plan, { step, output: file }) : await makeQuantized(work, plan, file);
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

async function makeQuantized(
  { context, planned, source, importance }: FitWork,
  plan: Plan,
  output: string,
): Promise<Pick<Made, 'fileBytes' | 'sha256' | 'calibration' | 'invariance'>> {
  const { types, fileType } = planned.drafts.get(plan.id)!.file.candidate;
  const { fileBytes, sha256 } = await makeFile(context, {
    source: source.path,
    output,
    types,
    fileType,
    importance: importance.file,
    detail: plan.summary,
  });
  return { fileBytes, sha256, calibration: importance.calibration, invariance: null };
}

/** Evaluates, proves and publishes the first of what was made. */
async function finish(work: FitWork, made: readonly Made[], outcome: SliceOutcome): Promise<FitResult> {
  const { context, recipe, source, planned, text } = work;
  const { file, plan, fileBytes, sha256, calibration } = made[0]!;
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
    slices: {
      ...slicesOf(planned, outcome, finished.quality),
      invariance: made.find((one) => one.invariance)?.invariance ?? null,
    },
    output: recipe.output,
    fileBytes,
    sha256,
    measured,
    calibration,
    ...finished,
    command: serverCommand(plan, planned.run, recipe.output),
  };
}

/** What became of the slices; a plan that was made alone is measured when it is finished. */
export function slicesOf({ list }: Planned, outcome: SliceOutcome, quality?: FitResult['quality']): SliceComparison {
  const told = 'measured' in outcome ? { ...outcome, measured: lossOf(quality) } : outcome;
  return compareSlices(list.plans, list.sliceRefusal, told);
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
    const predicted = quality && measuredPrediction(quality);
    return predicted ? { ...plan, predicted } : plan;
  });
  return { ...planned, list: { ...planned.list, plans: ranked(plans, planned.rank) } };
}

/** What every fit's result has but the slices, whatever came of it. `verdictOn`: the plan the verdict is about where it is not the best. */
export function fitResultOf(
  context: JobContext,
  { list }: Planned,
  { best, verdictOn = null }: { best: string | null; verdictOn?: Plan | null },
): Omit<FitResult, 'slices'> {
  const plan = list.plans.find(({ id }) => id === best) ?? null;
  // Where nothing was made, a slice that would fit was not measured: it does not count, unless nothing else was wished.
  const unsliced = list.plans.filter((one) => sliceOf(one) === null);
  const counted = plan === null && unsliced.length > 0 ? unsliced : list.plans;
  return {
    run: context.run,
    warnings: context.warnings,
    device: context.device,
    verdict: verdictOf(counted, list.target, plan ?? verdictOn),
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
