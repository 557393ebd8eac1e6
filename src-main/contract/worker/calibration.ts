// Tasks of the worker on a model's own block graphs that learn what its layers see.
import { z } from 'zod';
import { tokenWindow } from '../llama-host-api.ts';
import { progress, siteProgress } from '../progress.ts';
import { takenUp } from '../resuming.ts';
import { bytes } from '../units.ts';
import { graphProvider } from './device.ts';

/** What decides the result of a calibration. */
const calibrationParams = {
  source: z.string(),
  /** All of one length. */
  windows: z.array(tokenWindow).min(1),
  /** onnxruntime's execution provider. */
  provider: graphProvider.default('cpu'),
  threads: z.number().int().positive(),
  /** Eigenvalues of every norm input's Gram are wanted too. */
  spectra: z.boolean().default(false),
};

export const calibrationTasks = {
  /** The name of a calibration: SHA-256 over all that decides its result. Reads the whole model. */
  calibrationFingerprint: {
    params: z.object(calibrationParams),
    result: z.object({ fingerprint: z.string(), bytes, seconds: z.number() }),
    progress,
  },
  /**
   * Runs the model's own block graphs over token windows and fills `folder`, which exists: gram.gguf, the summed Gram of
   * the normed residual over all norm inputs, and importance.gguf, an imatrix of every linear's input columns. Where an
   * earlier call of the same fingerprint was stopped, it goes on at the last layer that was finished.
   */
  blockStatistics: {
    params: z.object({
      ...calibrationParams,
      folder: z.string(),
      fingerprint: z.string(),
      /** Names of the texts, for the files' headers. */
      datasets: z.array(z.string()),
    }),
    result: z.object({
      tokens: z.number().int(),
      sites: z.number().int(),
      ...takenUp,
      seconds: z.number(),
      peakMemoryBytes: bytes,
    }),
    ...siteProgress,
  },
};
