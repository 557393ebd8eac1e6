// Statistics of a model's own graphs over calibration text: the Gram that slicing rotates by, and importance.
import path from 'node:path';
import type { CalibrationOptions } from '../../contract/recipe.ts';
import { reportAs, stage, type JobContext } from '../jobs/context.ts';
import { openCalibration } from './texts.ts';

export interface BlockStatistics {
  gram: string;
  importance: string;
  use: { samples: number; tokens: number; textSha256: string };
  texts: string[];
}

export interface StatisticsOptions {
  source: string;
  hiddenSize: number | null;
  device: string;
  calibration: CalibrationOptions;
}

/** Runs the blocks over the calibration text. */
export async function blockStatistics(
  context: JobContext,
  { source, calibration }: StatisticsOptions,
): Promise<BlockStatistics> {
  const { windows, tokens, textSha256 } = await stage(context, 'tokenize', () =>
    openCalibration(context, source, calibration),
  );
  const gram = path.join(context.scratch, 'gram.bin');
  const importance = path.join(context.scratch, 'block-importance.gguf');
  await stage(context, 'calibrate', () =>
    context.worker((client) =>
      client.blockStatistics(
        { source, windows, gram, importance, datasets: [...calibration.texts], threads: context.threads },
        { signal: context.signal, onProgress: reportAs(context, 'calibrate') },
      ),
    ),
  );
  const use = { samples: windows.length, tokens, textSha256 };
  return { gram, importance, use, texts: [...calibration.texts] };
}
