// What the catalog keeps of a result in columns: figures, stages, files, texts, plans. The result itself is kept as JSON too.
import type { Metric } from '../../contract/history.ts';
import type { JobResult } from '../../contract/job.ts';
import type { Plan, PlanMemory } from '../../contract/plan.ts';
import type { Recipe } from '../../contract/recipe.ts';
import type { Proof, Quality } from '../../contract/results.ts';
import type { StudyResult } from '../../contract/study.ts';

export interface ResultRecord {
  device: string | null;
  seconds: number | null;
  stages: Record<string, number>;
  metrics: Metric[];
  /** bytes: null where the result does not say. */
  files: { path: string; bytes: number | null; sha256: string | null }[];
  texts: { use: 'calibration' | 'evaluation'; sha256: string }[];
  calibration: { samples: number; tokens: number; textSha256: string } | null;
  plans: Plan[];
  best: string | null;
  /** What the plan of a fit takes on the card. */
  memory: PlanMemory | null;
}

/** How a recipe compresses; null for verbs that do not, or that find out. */
export function methodOf(recipe: Recipe): string | null {
  switch (recipe.verb) {
    case 'slice':
      return recipe.method;
    case 'quantize':
      return 'quantize';
    case 'study':
      return recipe.kind;
    default:
      return null;
  }
}

/** The seed that a recipe's random choices come from; null where there are none. */
export function seedOf(recipe: Recipe): number | null {
  if ('calibration' in recipe) return recipe.calibration.seed;
  return recipe.verb === 'generate' ? recipe.seed : null;
}

export function recordOf(result: JobResult): ResultRecord {
  const { value } = result;
  const quality = qualityOf(result);
  const calibration = 'calibration' in value ? value.calibration : null;
  const evaluated = 'textSha256' in value && result.verb !== 'calibrate' ? value.textSha256 : quality?.textSha256;
  return {
    device: 'device' in value ? value.device : null,
    seconds: secondsOf(result),
    stages: stagesOf(result),
    metrics: [
      ...(quality ? qualityMetrics(quality) : []),
      ...('proof' in value && value.proof ? proofMetrics(value.proof) : []),
      ...ownMetrics(result),
      ...('peakMemoryBytes' in value ? [figure('peakMemoryBytes', value.peakMemoryBytes)] : []),
    ],
    files: filesOf(result),
    texts: [
      ...(calibration ? [{ use: 'calibration' as const, sha256: calibration.textSha256 }] : []),
      ...(evaluated === undefined ? [] : [{ use: 'evaluation' as const, sha256: evaluated }]),
    ],
    calibration,
    plans: 'plans' in value ? value.plans : [],
    best: 'best' in value ? value.best : null,
    memory: result.verb === 'fit' ? (result.value.plan?.memory ?? null) : null,
  };
}

const figure = (name: string, value: number, standardError: number | null = null, context = ''): Metric => ({
  ...{ name, value, standardError, context },
});

function qualityOf(result: JobResult): Quality | undefined {
  if (result.verb === 'evaluate') return result.value;
  return 'quality' in result.value ? result.value.quality : undefined;
}

function qualityMetrics(quality: Quality): Metric[] {
  const { engine, kind, text, windows, windowTokens, dense, compressed, kld } = quality;
  const context = `${engine}, ${kind}, ${text}, ${windows} x ${windowTokens} tokens`;
  const metrics = [figure('perplexity', compressed.perplexity, compressed.standardError, context)];
  if (dense) metrics.push(figure('densePerplexity', dense.perplexity, dense.standardError, context));
  if (quality.perplexityRatio !== undefined) {
    const error = quality.perplexityRatioStandardError ?? null;
    metrics.push(figure('perplexityRatio', quality.perplexityRatio, error, context));
  }
  if (kld) metrics.push(figure('kld', kld.mean, kld.standardError, context), figure('kldP99', kld.p99, null, context));
  if (quality.topOneAgreement !== undefined) {
    const error = quality.topOneStandardError ?? null;
    metrics.push(figure('topOneAgreement', quality.topOneAgreement, error, context));
  }
  return metrics;
}

function proofMetrics({ meanKld, maxLogProbDifference, against, build }: Proof): Metric[] {
  const context = `${build}, against ${against}`;
  return [
    ...(meanKld === null ? [] : [figure('proofKld', meanKld, null, context)]),
    ...(maxLogProbDifference === null ? [] : [figure('proofLogProbDifference', maxLogProbDifference, null, context)]),
  ];
}

/** Figures that only one verb has. */
function ownMetrics({ verb, value }: JobResult): Metric[] {
  switch (verb) {
    case 'slice':
      return [figure('sparsity', value.sparsity), figure('parametersAfter', value.parametersAfter)];
    case 'invariance':
      return [
        figure('maxLogitDifference', value.maxLogitDifference),
        figure('perplexity', value.perplexityAfter, null, value.text),
      ];
    case 'evaluate':
      return value.tasks.map(({ name, accuracy, standardError, engine, examples }) =>
        figure('accuracy', accuracy, standardError, `${name}, ${examples} questions, ${engine}`),
      );
    case 'generate': {
      const { prefill, decode } = value.tokensPerSecond;
      return [
        figure('prefillTokensPerSecond', prefill),
        ...(decode === null ? [] : [figure('decodeTokensPerSecond', decode)]),
      ];
    }
    case 'study':
      return studyMetrics(value);
    default:
      return [];
  }
}

const studyMetrics = (value: StudyResult): Metric[] =>
  value.rows.flatMap((row, index) => {
    const context = `${value.kind} ${row.value}, row ${index + 1}`;
    return [
      figure('perplexity', row.perplexity, row.perplexityStandardError, context),
      figure('kld', row.kld, row.kldStandardError, context),
    ];
  });

function secondsOf({ value }: JobResult): number | null {
  if (!('seconds' in value)) return null;
  return typeof value.seconds === 'number' ? value.seconds : value.seconds.total;
}

function stagesOf({ value }: JobResult): Record<string, number> {
  if ('stages' in value) return value.stages;
  if (!('seconds' in value) || typeof value.seconds === 'number') return {};
  const { total: _total, ...stages } = value.seconds;
  return stages;
}

function filesOf({ value }: JobResult): ResultRecord['files'] {
  if (!('output' in value) || value.output === null) return [];
  if (!('fileBytes' in value)) return [{ path: value.output, bytes: null, sha256: null }];
  return value.fileBytes === null ? [] : [{ path: value.output, bytes: value.fileBytes, sha256: value.sha256 }];
}
