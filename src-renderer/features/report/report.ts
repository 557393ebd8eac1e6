// A report as one plain object: what the page shows and what is copied as Markdown are the same.
import { z } from 'zod';
import type { Artifact, ExperimentDetail } from '../../../src-main/contract/history.ts';
import { jobResult, type JobResult } from '../../../src-main/contract/job.ts';
import type { SiteFacts } from '../../../src-main/contract/progress.ts';
import type { Proof, Quality } from '../../../src-main/contract/results.ts';
import { target as targetSchema, type Target } from '../../../src-main/contract/target.ts';
import { formatDuration, formatMemory, formatScientific } from '../../words/numbers.ts';
import { planName } from '../../words/plan-words.ts';
import { howMeasured, nextWordAgreement, perplexityChange } from '../../words/quality-words.ts';
import { useWords } from '../../words/words.ts';
import { exportedRun, fittingSource, type ExportedRun } from '../export/exported-run.ts';
import { nameOf } from '../model/model-path.ts';
import { barOf, slicesInWords, type PlanBar } from '../plans/plan-view.ts';
import { stageLabel } from '../runs/stage-steps.ts';
import { fitFacts } from './fit-facts.ts';
import { lossOf, type LossFigures } from './loss-figures.ts';
import { proofLines } from './proof-words.ts';
import { recipeLines } from './recipe-lines.ts';
import { sizesOf, type Sizes } from './sizes.ts';
import { headlineOf } from './headline.ts';

const words = useWords();

/** A run that is done, from the session or from the history. */
export interface DoneRun {
  id: string;
  model: string;
  recipe: Readonly<Record<string, unknown>>;
  /** null where another version kept it in another form. */
  result: JobResult | null;
  /** What the history has besides; null until it is read, or where there is no history. */
  detail: ExperimentDetail | null;
}

export interface Report {
  headline: string;
  subline: string;
  /** Of a fit: model, file, card, proof; empty for others, whose subline names the model. */
  facts: string;
  bar: PlanBar | null;
  sizes: Sizes | null;
  quality: { lead: string | null; lines: string[]; how: string } | null;
  loss: LossFigures | null;
  /** Where the residual was cut. */
  sites: SiteFacts[];
  slicing: string;
  proof: { passed: boolean; title: string; sample: string; lines: string[] } | null;
  command: string | null;
  /** What can be sent to other programs; null where there is nothing, or no history that an export needs. */
  exported: ExportedRun | null;
  /** It made a model that can answer beside its original. */
  canBeAsked: boolean;
  files: Artifact[];
  stages: { name: string; seconds: number }[];
  peakMemory: string | null;
  warnings: string[];
  recipe: [setting: string, value: string][];
  versions: [name: string, version: string][];
}

/** The result as this version knows it; null where it does not. */
export function resultOf({ verb, result }: Pick<ExperimentDetail, 'verb' | 'result'>): JobResult | null {
  const parsed = jobResult.safeParse({ verb, value: result });
  return parsed.success ? parsed.data : null;
}

export function reportOf(run: DoneRun): Report {
  const { result, recipe, detail } = run;
  const value = result?.value ?? null;
  const quality = qualityOf(result);
  const target = targetOf(recipe);
  const plan = result?.verb === 'fit' ? result.value.plan : null;
  return {
    headline: headlineOf(result, target, typeof recipe['plan'] === 'string' ? recipe['plan'] : null),
    subline: sublineOf(run),
    facts: result?.verb === 'fit' ? fitFacts(nameOf(run.model), result.value, target) : '',
    bar: plan && target ? barOf(plan, target) : null,
    sizes: result && sizesOf(result),
    quality: quality && {
      lead: nextWordAgreement(quality),
      lines: [perplexityChange(quality)],
      how: howMeasured(quality),
    },
    loss: quality && lossOf(quality, plan?.predicted ?? null),
    sites: result?.verb === 'slice' && result.value.method === 'per-block' ? cutSites(result.value) : [],
    slicing: slicingOf(result),
    proof: value && 'proof' in value && value.proof ? proofOf(value.proof) : null,
    command: result?.verb === 'fit' ? result.value.command : null,
    canBeAsked: detail !== null && exportedRun(run.id, detail.verb, detail.artifacts) !== null,
    exported: detail && (exportedRun(run.id, detail.verb, detail.artifacts) ?? fittingSource(result, run.model)),
    files: detail?.artifacts ?? filesOf(result),
    stages: (detail?.stages ?? []).map(({ name, seconds }) => ({ name: stageLabel(name), seconds })),
    peakMemory: value && 'peakMemoryBytes' in value ? formatMemory(value.peakMemoryBytes) : null,
    warnings: value?.warnings ?? [],
    recipe: recipeLines(recipe),
    versions: Object.entries(detail?.versions ?? {}),
  };
}

function targetOf(recipe: DoneRun['recipe']): Target | null {
  const parsed = z.object({ target: targetSchema }).safeParse(recipe);
  return parsed.success ? parsed.data.target : null;
}

function qualityOf(result: JobResult | null): Quality | null {
  if (result?.verb === 'evaluate') return result.value;
  return result && 'quality' in result.value ? (result.value.quality ?? null) : null;
}

/** `Q4_K_M mix, made in 40 s.`, else the model. */
function sublineOf({ result, model, detail }: DoneRun): string {
  if (result?.verb === 'fit' && result.value.plan)
    return words.report.madeIn(planName(result.value.plan), formatDuration(result.value.seconds.total));
  const seconds = detail?.seconds ?? null;
  return seconds === null ? nameOf(model) : words.report.took(nameOf(model), formatDuration(seconds));
}

/** Sites that keep their whole width lose nothing and say nothing. */
function cutSites({ sites, widths }: { sites: readonly SiteFacts[]; widths: { hidden_size: number } }): SiteFacts[] {
  return sites.filter(({ width = 0 }) => width < widths.hidden_size);
}

function slicingOf(result: JobResult | null): string {
  if (result?.verb === 'fit') return slicesInWords(result.value);
  const invariance = result?.verb === 'slice' ? result.value.invariance : null;
  if (!invariance) return '';
  const { maxLogitDifference, tolerance } = invariance;
  return words.report.invariance(formatScientific(maxLogitDifference), formatScientific(tolerance));
}

function proofOf(proof: Proof): Report['proof'] {
  const { passed, build, sample } = proof;
  const title = passed ? words.report.proofText(build) : words.report.proofFailed(build);
  return { passed, title, sample, lines: proofLines(proof) };
}

/** Where there is no history: what the result itself says. */
function filesOf(result: JobResult | null): Artifact[] {
  if (!result || !('output' in result.value) || !('fileBytes' in result.value)) return [];
  const { output, fileBytes, sha256 } = result.value;
  return output === null || fileBytes === null ? [] : [{ path: output, bytes: fileBytes, sha256, present: true }];
}
