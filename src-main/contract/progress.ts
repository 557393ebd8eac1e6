// Progress of one stage, as every long call reports it.
import { z } from 'zod';

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
});
export type Progress = z.infer<typeof progress>;
