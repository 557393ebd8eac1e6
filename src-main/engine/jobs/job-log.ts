// The log of a run: one JSON object a line, with its time. What is logged never holds a token or a text that a user wrote
// elsewhere than in the recipe.
import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Progress } from '../../contract/progress.ts';

export interface JobLog {
  write(event: string, facts: Record<string, unknown>): void;
  /** Passes progress on; what begins is logged. */
  reporting(report: (progress: Progress) => void): (progress: Progress) => void;
}

/** Appends to `file`. A log that cannot be written costs no run. */
export function openJobLog(file: string): JobLog {
  let isWritable = true;
  const write = (event: string, facts: Record<string, unknown>): void => {
    if (!isWritable) return;
    try {
      mkdirSync(path.dirname(file), { recursive: true });
      appendFileSync(file, `${JSON.stringify({ time: new Date().toISOString(), event, ...facts })}\n`);
    } catch {
      isWritable = false;
    }
  };
  let last = '';
  return {
    write,
    reporting: (report) => (progress) => {
      const { stage, detail } = progress;
      const begun = `${stage} ${detail ?? ''}`;
      if (begun !== last) write('stage', { stage, detail });
      last = begun;
      report(progress);
    },
  };
}
