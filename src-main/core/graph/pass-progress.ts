// Progress of a pass over the same tokens many times: layers of a forward, steps of a slicing.
import type { Progress, SiteFacts } from '../../contract/progress.ts';

export interface Passes {
  stage: string;
  /** Rows of one pass: tokens. */
  rows: number;
  passes: number;
  /** Passes that were done before. @default 0 */
  done?: number;
}

/** To be told of rows as they pass, and of what was found: a token counts by the share of passes it has been through. */
export function passProgress(
  { stage, rows: total, passes, done: earlier = 0 }: Passes,
  progress?: (progress: Progress) => void,
): (rows: number, sites?: SiteFacts[]) => void {
  const start = performance.now();
  const before = (total * earlier) / passes;
  let passed = 0;
  return (rows, sites) => {
    passed += rows;
    const done = before + passed / passes;
    const perSecond = (done - before) / Math.max(1e-3, (performance.now() - start) / 1000);
    const rate = perSecond > 0 ? { perSecond, secondsLeft: (total - done) / perSecond } : {};
    progress?.({ stage, done, total, unit: 'tokens', ...rate, ...(sites ? { sites } : {}) });
  };
}
