// The log of a run as it can be read while it goes on and after.
import { z } from 'zod';

/** A run's name is a folder's too: no separators, no dots. */
export const runId = z.string().regex(/^\w{1,64}$/, 'expected the id of a run');

export const logLine = z.object({
  /** ISO 8601. */
  time: z.string(),
  /** start, stage, done, stopped, failed. */
  event: z.string(),
  facts: z.record(z.string(), z.unknown()),
});
export type LogLine = z.infer<typeof logLine>;

export const jobLog = z.object({
  /** null where there is none: logs of ended runs are kept for a month. */
  file: z.string().nullable(),
  lines: z.array(logLine),
});
export type JobLogLines = z.infer<typeof jobLog>;
