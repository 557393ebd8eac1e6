// Calibration on our own graphs: saved in the user data under its fingerprint, used again by later jobs, taken up where
// a job was stopped.
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../contract/errors.ts';
import type { CalibrationOptions, DeviceName } from '../../contract/recipe.ts';
import type { GraphProvider } from '../../contract/worker/device.ts';
import { evenWindows } from '../../core/calibration/even-windows.ts';
import { checkpointPath } from '../../core/calibration/checkpoint.ts';
import type { StatisticsFiles } from '../../core/calibration/saved-statistics.ts';
import { notePeakMemory, reportAs, stage, type JobContext } from '../jobs/context.ts';
import { statisticsStore, type OwnedPart, type StatisticsStore } from '../library/statistics-store.ts';
import { graphProvider } from './device.ts';
import { openCalibration, warnOfFewTokens } from './texts.ts';

export interface BlockStatisticsOptions {
  /** A GGUF file. */
  source: string;
  hiddenSize: number;
  device: DeviceName;
  calibration: CalibrationOptions;
}

export interface BlockStatistics extends StatisticsFiles {
  /** Of this job: the files stay until it ends, whatever becomes of the saved ones. */
  folder: string;
  fingerprint: string;
  /** An earlier job made them. */
  reused: boolean;
  /** The first layer that was run, where a job that was stopped had finished those before it. */
  resumedAtLayer: number | null;
  seconds: number;
  use: { samples: number; tokens: number; textSha256: string };
  /** The texts as they were named. */
  texts: string[];
}

/** How often a calibration that another process is making is looked at. */
const pollMs = 1000;

/** The statistics of a model on the calibration text. @throws DEVICE_UNAVAILABLE, DISK_FULL, NON_FINITE, TEXT_TOO_SHORT, CANCELLED */
export async function blockStatistics(context: JobContext, options: BlockStatisticsOptions): Promise<BlockStatistics> {
  const { source, device, calibration } = options;
  const even = await stage(context, 'tokenize', () => evenCalibration(context, options));
  return statisticsOf(context, { source, device, texts: calibration.texts, ...even });
}

export interface EvenCalibration {
  /** All of one length. */
  windows: Int32Array[];
  use: BlockStatistics['use'];
}

interface StatisticsOptions extends Pick<BlockStatisticsOptions, 'source' | 'device'>, EvenCalibration {
  /** As they were named. */
  texts: readonly string[];
}

/** The same on windows that are there. @throws as blockStatistics */
export async function statisticsOf(
  context: JobContext,
  { source, device, texts, windows, use }: StatisticsOptions,
): Promise<BlockStatistics> {
  const start = performance.now();
  const provider = await graphProvider(context, device);
  const params = { source, windows, provider, threads: context.threads, spectra: true };
  const { fingerprint } = await stage(context, 'fingerprint', () =>
    context.worker((client) =>
      client.calibrationFingerprint(params, {
        signal: context.signal,
        onProgress: reportAs(context, 'fingerprint'),
      }),
    ),
  );
  return stage(context, 'calibrate', async () => {
    const store = await statisticsStore(context.folders.home, context.scratch);
    const request = { ...params, fingerprint, datasets: [...texts] };
    const found = await findOrMake(context, store, request);
    if (found.reused || found.resumedAtLayer !== null) context.shortened.add('calibrate');
    const folder = path.join(context.scratch, `statistics-${fingerprint}`);
    const files = await store.take(fingerprint, folder);
    await store.evict(fingerprint, context.preferences.statisticsBytes);
    const seconds = (performance.now() - start) / 1000;
    return { ...files, ...found, folder, fingerprint, seconds, use, texts: [...texts] };
  });
}

/** Calibration windows of one length. @throws as openCalibration */
export async function evenCalibration(
  context: JobContext,
  { source, hiddenSize, calibration }: Omit<BlockStatisticsOptions, 'device'>,
): Promise<EvenCalibration> {
  const opened = await openCalibration(context, source, calibration);
  const { windows, droppedTokens } = evenWindows(opened.windows);
  const tokens = opened.tokens - droppedTokens;
  if (droppedTokens > 0) {
    context.warnings.push(
      `The calibration windows differ in length: ${windows.length} windows of ${windows[0]!.length} tokens were used, and ${droppedTokens} of ${opened.tokens} tokens left out. Longer texts or a smaller --length avoid that.`,
    );
  }
  warnOfFewTokens(context, tokens, hiddenSize);
  return { windows, use: { samples: windows.length, tokens, textSha256: opened.textSha256 } };
}

interface Request {
  source: string;
  windows: Int32Array[];
  provider: GraphProvider;
  threads: number;
  spectra: boolean;
  fingerprint: string;
  datasets: string[];
}

type Found = Pick<BlockStatistics, 'reused' | 'resumedAtLayer'>;

async function findOrMake(context: JobContext, store: StatisticsStore, request: Request): Promise<Found> {
  const { fingerprint } = request;
  for (;;) {
    if (await isUsable(context, store, fingerprint)) return { reused: true, resumedAtLayer: null };
    const part = await store.claim(fingerprint);
    const isStillMissing = !(await store.has(fingerprint));
    if (part && isStillMissing) return make(context, part, request);
    await part?.release(false); // finished by another process between the two looks
    if (!isStillMissing) continue;
    const detail = 'waiting for another run that calibrates this model on this text';
    context.report({ stage: 'calibrate', detail, done: 0, total: 1 });
    await delay(pollMs, undefined, { signal: context.signal });
  }
}

/** Whether there are saved statistics, checked; damaged ones are removed. */
async function isUsable(context: JobContext, store: StatisticsStore, fingerprint: string): Promise<boolean> {
  if (!(await store.has(fingerprint))) return false;
  try {
    await store.check(fingerprint);
    return true;
  } catch (error) {
    const reason = AppError.from(error).message;
    context.warnings.push(`Saved calibration statistics cannot be used and are made again: ${reason}`);
    await store.remove(fingerprint);
    return false;
  }
}

async function make(context: JobContext, part: OwnedPart, request: Request): Promise<Found> {
  try {
    const made = await context.worker((client) =>
      client.blockStatistics(
        { ...request, folder: part.folder },
        { signal: context.signal, onProgress: reportAs(context, 'calibrate') },
      ),
    );
    notePeakMemory(context, made.peakMemoryBytes);
    if (made.startedOver !== null)
      context.warnings.push(
        `A calibration that was stopped could not be taken up and was started over: ${made.startedOver}`,
      );
    await part.publish();
    return { reused: false, resumedAtLayer: made.resumedAtLayer };
  } catch (error) {
    await part.release(await isWorthKeeping(part.folder, AppError.from(error)));
    throw error;
  }
}

/** Finished layers are, unless the numbers are no good. */
async function isWorthKeeping(folder: string, error: AppError): Promise<boolean> {
  if (error.code === 'NON_FINITE') return false;
  const checkpoint = await stat(checkpointPath(folder)).catch(() => null);
  return checkpoint !== null;
}
