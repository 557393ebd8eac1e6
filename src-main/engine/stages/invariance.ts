// The check that a rotation without slicing changes nothing: once for every model, before its first slice.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { evaluationOptions, type DeviceName } from '../../contract/recipe.ts';
import { invariance as invarianceSchema, type Invariance } from '../../contract/results.ts';
import type { GraphProvider } from '../../contract/worker/device.ts';
import { evenWindows } from '../../core/calibration/even-windows.ts';
import { version } from '../../contract/version.ts';
import type { ModelSource } from '../../core/formats/model-source.ts';
import { notePeakMemory, reportAs, stage, type JobContext } from '../jobs/context.ts';
import { graphProvider } from './device.ts';
import { hasVocabulary, identityOf } from './open.ts';
import { openEvaluation } from './texts.ts';

export interface InvarianceOptions {
  /** Path of a model whose family has graphs. */
  model: string;
  device: DeviceName;
  /** All of one length. */
  windows: Int32Array[];
}

export interface CheckedInvariance extends Invariance {
  peakMemoryBytes: number;
}

/** Runs the check. Not passed is a result. */
export async function runInvarianceCheck(
  context: JobContext,
  { model, device, windows }: InvarianceOptions,
): Promise<CheckedInvariance> {
  return stage(context, 'invariance', async () => {
    const provider = await graphProvider(context, device);
    const found = await context.worker((client) =>
      client.invariance(
        { source: model, windows, threads: context.threads, provider },
        { signal: context.signal, onProgress: reportAs(context, 'invariance') },
      ),
    );
    notePeakMemory(context, found.peakMemoryBytes);
    const { largestLogitChange, ...rest } = found;
    return { ...rest, maxLogitDifference: largestLogitChange };
  });
}

/** Enough tokens of the bundled text to tell. */
const quickCheck = evaluationOptions.parse({ window: 512, windows: 4, allowSameText: true });

export interface RequiredInvariance {
  source: ModelSource;
  /** What the user named: its files decide whether the check is done. */
  original: string;
  device: DeviceName;
  /** Of the job: what a model without a vocabulary is checked on. */
  windows: readonly Int32Array[];
}

/**
 * What the check says of a model: kept from before for files that have not changed since, else run now.
 * @throws NUMERICAL_FAILURE where a rotation changes the model
 */
export async function requireInvariance(
  context: JobContext,
  { source, original, device, windows }: RequiredInvariance,
): Promise<Invariance> {
  const { path: model } = source;
  const record = await recordOf(context, original, await graphProvider(context, device));
  const kept = await readRecord(record);
  if (kept) return kept;
  const chosen = (await hasVocabulary(source))
    ? (await openEvaluation(context, model, quickCheck, [])).windows
    : firstOf(windows);
  const found = invarianceSchema.parse(await runInvarianceCheck(context, { model, device, windows: chosen }));
  if (!found.passed) {
    const message = `A rotation alone moves the logits of ${model} by ${found.maxLogitDifference.toExponential(2)}, more than ${found.tolerance.toExponential(2)}: it cannot be sliced.`;
    throw new AppError('NUMERICAL_FAILURE', message, { model, ...found });
  }
  await keepRecord(record, found).catch(() => {}); // a folder that cannot be written costs only time
  return found;
}

/** As many rows of a job as a quick check takes, of one length. */
const firstOf = (windows: readonly Int32Array[]): Int32Array[] =>
  evenWindows(windows.slice(0, quickCheck.windows!).map((window) => window.subarray(0, quickCheck.window))).windows;

/** A file named after what the check's outcome depends on: the model's files (place, size, time), Snug, the device. */
async function recordOf(context: JobContext, original: string, provider: GraphProvider): Promise<string> {
  const found = await identityOf(original);
  const identity = createHash('sha256')
    .update(JSON.stringify([version, provider, found]))
    .digest('hex');
  return path.join(context.folders.home, 'statistics', `invariance-${identity.slice(0, 32)}.json`);
}

async function keepRecord(file: string, found: Invariance): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, JSON.stringify(found));
}

async function readRecord(file: string): Promise<Invariance | null> {
  try {
    return invarianceSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return null; // none, or one of another version
  }
}
