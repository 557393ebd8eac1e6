// What every study stands on: the dense model, the texts, the rows that are finished, and how a row is made.
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { StudyRecipe } from '../../../contract/recipe.ts';
import type { Quality } from '../../../contract/results.ts';
import type { StudyRow } from '../../../contract/study.ts';
import { version } from '../../../contract/version.ts';
import { openDecoder, type Decoder } from '../../../core/architectures/decoder.ts';
import type { ModelSource } from '../../../core/formats/model-source.ts';
import { StudyStore } from '../../library/study-store.ts';
import { graphProvider } from '../../stages/device.ts';
import { evaluate } from '../../stages/evaluate.ts';
import { requireInvariance } from '../../stages/invariance.ts';
import { identityOf } from '../../stages/open.ts';
import { evenCalibration, statisticsOf, type BlockStatistics, type EvenCalibration } from '../../stages/statistics.ts';
import { openEvaluation, type EvaluationTokens } from '../../stages/texts.ts';
import { stage, type JobContext } from '../context.ts';
import { methodOf } from './check-study.ts';

export interface Study {
  context: JobContext;
  recipe: StudyRecipe;
  /** Dense; what the user named, or the GGUF that it was converted to. */
  source: ModelSource;
  decoder: Decoder;
  text: EvaluationTokens;
  store: StudyStore;
  /** What is known of the dense model once there is a row. */
  dense: Quality['dense'] | null;
  keptRows: number;
  progress: { done: number; total: number };
  /** Spent in this run on what all rows need. */
  sharedSeconds: number;
  /** That a rotation alone changes nothing. */
  isChecked: boolean;
}

export async function openStudy(context: JobContext, recipe: StudyRecipe, source: ModelSource): Promise<Study> {
  const decoder = openDecoder(source);
  const { calibration, evaluation, again } = recipe;
  const text = await stage(context, 'tokenize', () =>
    openEvaluation(context, source.path, evaluation, calibration.texts),
  );
  const fingerprint = await fingerprintOf(context, recipe, text);
  const warn = (warning: string): void => void context.warnings.push(warning);
  const store = new StudyStore(context.folders.home, fingerprint, { again, warn });
  const progress = { done: 0, total: 0 };
  return {
    context,
    recipe,
    source,
    decoder,
    text,
    store,
    dense: null,
    keptRows: 0,
    progress,
    sharedSeconds: 0,
    isChecked: false,
  };
}

/** The calibration samples of a study that does not vary their number. @throws as openCalibration */
export const studyCalibration = ({ context, recipe, source, decoder }: Study): Promise<EvenCalibration> =>
  stage(context, 'tokenize', () =>
    evenCalibration(context, {
      ...{ source: source.path, hiddenSize: decoder.config.hiddenSize, calibration: recipe.calibration },
    }),
  );

/** What a shared rotation is made of: statistics of the dense model. @throws as blockStatistics */
export const studyStatistics = ({ context, recipe, source }: Study, even: EvenCalibration): Promise<BlockStatistics> =>
  statisticsOf(context, { source: source.path, device: recipe.device, texts: recipe.calibration.texts, ...even });

/** What every row depends on. Values and calibration windows are in the rows' own keys, so that a study can grow. */
async function fingerprintOf(context: JobContext, recipe: StudyRecipe, text: EvaluationTokens): Promise<string> {
  const { kind, sparsity, width, round, sliceHead, signals, precision, paperCompat, orientation, type } = recipe;
  const { seed } = recipe.calibration;
  const settings = {
    ...{ version, kind, sparsity, width, round, sliceHead, signals, precision, paperCompat, orientation, type, seed },
    ...{ method: methodOf(recipe), device: await graphProvider(context, recipe.device), text: hashOf(text.windows) },
    // Speed is of so many threads; what the other studies measure is not.
    threads: kind === 'speed' ? context.threads : null,
  };
  const identity = await identityOf(recipe.model);
  return createHash('sha256')
    .update(JSON.stringify([settings, identity]))
    .digest('hex');
}

function hashOf(windows: readonly Int32Array[]): string {
  const hash = createHash('sha256');
  for (const window of windows) {
    hash.update(`${window.length}:`);
    hash.update(new Uint8Array(window.buffer, window.byteOffset, window.byteLength));
  }
  return hash.digest('hex');
}

/** What a study adds to a row by itself. */
export type MadeRow<Row extends StudyRow> = Omit<Row, 'seconds' | 'finished'>;

export interface RowRequest<Row extends StudyRow> {
  /** Its name among the rows: `0.2, variance`. */
  label: string;
  /** What it was calibrated on. */
  windows: readonly Int32Array[];
  make: () => Promise<MadeRow<Row> & { eigenvalues?: number[][] }>;
}

/** A row that an earlier run finished, or a new one, which is kept at once. */
export async function studyRow<Row extends StudyRow>(
  study: Study,
  { label, windows, make }: RowRequest<Row>,
): Promise<{ row: Row; eigenvalues: number[][] | null }> {
  const key = `${label} ${hashOf(windows)}`;
  const kept = await study.store.find(key);
  if (kept) {
    study.dense = kept.dense;
    study.keptRows += 1;
    tellRow(study, kept.row as Row, `${label}: kept`);
    return { row: kept.row as Row, eigenvalues: kept.eigenvalues };
  }
  await checkOnce(study, windows);
  const [start, sharedBefore] = [performance.now(), study.sharedSeconds];
  const { eigenvalues = null, ...made } = await make();
  const seconds = (performance.now() - start) / 1000 - (study.sharedSeconds - sharedBefore);
  const times = { seconds, finished: new Date().toISOString() };
  const row = { ...made, ...times } as unknown as Row;
  await study.store.keep({ key, row, dense: study.dense!, eigenvalues });
  tellRow(study, row, `${label}: perplexity ${row.perplexity.toPrecision(5)}, KLD ${row.kld.toPrecision(3)}`);
  return { row, eigenvalues };
}

async function checkOnce(study: Study, windows: readonly Int32Array[]): Promise<void> {
  if (study.isChecked) return;
  const { context, source, recipe } = study;
  await requireInvariance(context, { source, original: recipe.model, device: recipe.device, windows });
  study.isChecked = true;
}

/** Work that several rows need: done when it is first asked for, and counted for none of them. */
export function sharedWork<T>(study: Study, make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  const timed = async (): Promise<T> => {
    const [start, before] = [performance.now(), study.sharedSeconds];
    const value = await make();
    study.sharedSeconds = before + (performance.now() - start) / 1000;
    return value;
  };
  return () => (made ??= timed());
}

function tellRow({ context, progress }: Study, row: StudyRow, detail: string): void {
  progress.done += 1;
  context.measured(row);
  context.report({ stage: 'row', ...progress, unit: 'items', detail });
}

export type Figures = Pick<
  StudyRow,
  | 'perplexity'
  | 'perplexityStandardError'
  | 'perplexityRatio'
  | 'perplexityRatioStandardError'
  | 'kld'
  | 'kldStandardError'
  | 'topOneAgreement'
>;

/** Measures a model against the dense one, whose hidden states are kept for the next. */
export async function measure(study: Study, candidate: string, detail: string): Promise<Figures> {
  const { context, source, text, recipe } = study;
  const { quality, referenceSeconds = 0 } = await evaluate(context, {
    ...{ candidate, reference: source.path, text, detail, engine: 'onnx', device: recipe.device, weightsOnly: false },
    keptReference: path.join(context.scratch, 'dense.states'),
  });
  const { compressed, kld } = quality;
  study.dense = quality.dense!;
  study.sharedSeconds += referenceSeconds;
  return {
    perplexity: compressed.perplexity,
    perplexityStandardError: compressed.standardError,
    perplexityRatio: quality.perplexityRatio!,
    perplexityRatioStandardError: quality.perplexityRatioStandardError!,
    kld: kld!.mean,
    kldStandardError: kld!.standardError,
    topOneAgreement: quality.topOneAgreement!,
  };
}

/** Runs `work` on a file or folder of the job's own, which is gone afterwards. */
export async function withScratch<T>({ context }: Study, name: string, work: (path: string) => Promise<T>): Promise<T> {
  const file = path.join(context.scratch, name);
  try {
    return await work(file);
  } finally {
    await rm(file, { recursive: true, force: true });
  }
}
