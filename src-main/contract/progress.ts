// Progress of one stage, as every long call reports it.
import { z } from 'zod';
import { bytes } from './units.ts';

/** Points of a spectrum at most: enough for a curve over logarithmic ranks. */
export const spectrumPoints = 64;

/** What was found at a place of the model where its signal is looked at, or cut. */
export const siteFacts = z.object({
  /** `layer3.mlp_out`, of a calibration `layer3.mlpInput`: layers count from 0. */
  name: z.string(),
  /** Directions that stay; missing where nothing is cut. */
  width: z.number().int().optional(),
  /** Share of the signal's energy in the directions that go; missing where nothing is cut. */
  energyLost: z.number().optional(),
  /** Rank from 1, and that eigenvalue as a share of their sum: a selection with even steps of log rank, first and last included. */
  spectrum: z
    .array(z.tuple([z.number().int().positive(), z.number().nonnegative()]))
    .max(spectrumPoints)
    .optional(),
});
export type SiteFacts = z.infer<typeof siteFacts>;

export const progress = z.object({
  /** Name of the stage: download, verify, open, tokenize, fingerprint, calibrate, plan, slice, quantize, prove, evaluate, generate. */
  stage: z.string(),
  /** What is being done, for people: the tensor, the window; while text is written, all of it so far. */
  detail: z.string().optional(),
  done: z.number(),
  total: z.number(),
  unit: z.enum(['bytes', 'tokens', 'items']).optional(),
  /** Throughput in units per second and seconds left, once they can be told. */
  perSecond: z.number().optional(),
  secondsLeft: z.number().optional(),
  /** Resident set of the process that computes. */
  memoryBytes: bytes.optional(),
  /** Since the job began to run. */
  elapsedSeconds: z.number().optional(),
  /** Found since the last message. */
  sites: z.array(siteFacts).optional(),
});
export type Progress = z.infer<typeof progress>;

/** Of two messages the newer one, with the sites of both: what a message tells once is not lost by telling less often. */
export function mergeProgress<Message extends Progress>(waiting: Message, next: Message): Message {
  if (waiting.sites === undefined) return next;
  return { ...next, sites: [...waiting.sites, ...(next.sites ?? [])] };
}

/** Of calls that tell of sites. */
export const siteProgress = { progress, mergeProgress };
