// Importance of every weight's columns: mean squares of its inputs on calibration text, kept as llama.cpp's imatrix GGUF.
import path from 'node:path';
import { z } from 'zod';
import type { CalibrationOptions } from '../../contract/recipe.ts';
import { calibrationUse } from '../../contract/results.ts';
import { reportAs, stage, type JobContext } from '../jobs/context.ts';
import { chooseDevice } from './device.ts';
import { blamingWeights } from './open.ts';
import { openCalibration, warnOfFewTokens } from './texts.ts';

export const calibrated = z.object({
  /** The imatrix GGUF. */
  file: z.string(),
  weights: z.number(),
  unseenExperts: z.number(),
  device: z.string(),
  use: calibrationUse,
});
export type Calibrated = z.infer<typeof calibrated>;

export interface CalibrateOptions {
  model: string;
  hiddenSize: number | null;
  device: string;
  calibration: CalibrationOptions;
  output: string;
}

/** Runs the model over the calibration text and writes the importance to `output`. */
export async function calibrate(context: JobContext, options: CalibrateOptions): Promise<Calibrated> {
  const { model, output } = options;
  const { windows, tokens, textSha256 } = await stage(context, 'tokenize', () =>
    openCalibration(context, model, options.calibration),
  );
  warnOfFewTokens(context, tokens, options.hiddenSize);
  return stage(context, 'calibrate', async () => {
    const device = await chooseDevice(context, options.device, [model]);
    const raw = path.join(context.scratch, 'statistics.f32');
    const settings = { gpuLayers: device.gpuLayers, ...context.llamaThreads };
    const statistics = await blamingWeights(context, [model], () =>
      context.llama((client) =>
        client.statistics(
          { model, windows, output: raw, settings },
          { signal: context.signal, onProgress: reportAs(context, 'calibrate') },
        ),
      ),
    );
    const written = await context.worker((client) =>
      client.writeImportance(
        {
          raw,
          entries: statistics.entries,
          output,
          datasets: [...options.calibration.texts],
          chunks: windows.length,
          chunkSize: windows[0]?.length ?? 0,
        },
        { signal: context.signal },
      ),
    );
    if (written.unseenExperts > 0) {
      context.warnings.push(
        `${written.unseenExperts} experts were not reached by any calibration token: they are quantised without importance. More text helps.`,
      );
    }
    return {
      file: output,
      weights: written.weights,
      unseenExperts: written.unseenExperts,
      device: statistics.device,
      use: { samples: windows.length, tokens, textSha256 },
    };
  });
}
