// Sums of squares per column of every weight's input; the values go to a file of raw little-endian float32.
import { rm, writeFile } from 'node:fs/promises';
import type { HandlersOf } from '../../contract/define-api.ts';
import { AppError } from '../../contract/errors.ts';
import type { LlamaHostApi, StatisticsEntry } from '../../contract/llama-host-api.ts';
import { runSettings, peakMemoryBytes, requireFile, requireWindows } from '../native/checks.ts';
import { runNative } from '../native/run-native.ts';

export const statistics: HandlersOf<LlamaHostApi>['statistics'] = async (
  { model, windows, output, settings },
  context,
) => {
  requireFile(model);
  requireWindows(windows, 1);
  const options = { ...(await runSettings(settings)), model, windows };
  const { entries, values, tokens, seconds, device } = await runNative(context, {
    stage: 'calibrate',
    unit: 'tokens',
    details: { model },
    run: (addon, control) => addon.statistics(options, control),
  });
  requireFinite(model, entries, values);
  await writeValues(output, values, context.signal);
  return { entries, tokens, seconds, device, peakMemoryBytes: peakMemoryBytes() };
};

/** @throws NON_FINITE that names the weight */
function requireFinite(model: string, entries: readonly StatisticsEntry[], values: Float32Array): void {
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  const weight = entries.findLast((entry) => entry.offset <= index)?.name;
  throw new AppError('NON_FINITE', `${model}: the input of ${weight} is not finite.`, { file: model, tensor: weight });
}

/** Leaves no half file. */
async function writeValues(output: string, values: Float32Array, signal: AbortSignal): Promise<void> {
  try {
    await writeFile(output, new Uint8Array(values.buffer, values.byteOffset, values.byteLength), { signal });
  } catch (error) {
    await rm(output, { force: true });
    throw error;
  }
}
