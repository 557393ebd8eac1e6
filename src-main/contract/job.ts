// The state of a job as one discriminated union, and the pure reducer that engine and window share.
import { z } from 'zod';
import { errorShape } from './errors.ts';
import { planList } from './plan.ts';
import { addProgress, addRow, jobSeries } from './job-series.ts';
import { progress } from './progress.ts';
import { recipe } from './recipe.ts';
import {
  calibrateResult,
  downloadResult,
  evaluateResult,
  fitResult,
  generateResult,
  invarianceResult,
  quantizeResult,
  sliceResult,
} from './results.ts';
import { studyResult, studyRow } from './study.ts';

export const jobResult = z.discriminatedUnion('verb', [
  z.object({ verb: z.literal('calibrate'), value: calibrateResult }),
  z.object({ verb: z.literal('quantize'), value: quantizeResult }),
  z.object({ verb: z.literal('slice'), value: sliceResult }),
  z.object({ verb: z.literal('invariance'), value: invarianceResult }),
  z.object({ verb: z.literal('evaluate'), value: evaluateResult }),
  z.object({ verb: z.literal('plan'), value: planList }),
  z.object({ verb: z.literal('fit'), value: fitResult }),
  z.object({ verb: z.literal('generate'), value: generateResult }),
  z.object({ verb: z.literal('study'), value: studyResult }),
  z.object({ verb: z.literal('download'), value: downloadResult }),
]);
export type JobResult = z.infer<typeof jobResult>;

export const jobState = z.discriminatedUnion('state', [
  /** waitingFor: what has the device it needs, in words; absent while it only waits for its turn. */
  z.object({ state: z.literal('queued'), waitingFor: z.string().optional() }),
  z.object({
    state: z.literal('running'),
    progress: progress.nullable(),
    stages: z.array(z.string()),
    /** What was told on the way; absent before the first progress. */
    series: jobSeries.optional(),
  }),
  z.object({ state: z.literal('done'), result: jobResult }),
  z.object({ state: z.literal('failed'), error: errorShape }),
  z.object({ state: z.literal('cancelled') }),
  /** Stopped by the user, to go on later. */
  z.object({ state: z.literal('paused'), series: jobSeries.optional() }),
  /** Its engine died. */
  z.object({ state: z.literal('interrupted') }),
]);
export type JobState = z.infer<typeof jobState>;

export const jobSnapshot = z.object({ id: z.string(), recipe, created: z.string(), job: jobState });
export type JobSnapshot = z.infer<typeof jobSnapshot>;

export const jobEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('waiting'), waitingFor: z.string() }),
  z.object({ type: z.literal('started') }),
  z.object({ type: z.literal('progressed'), progress }),
  /** A study has another row. */
  z.object({ type: z.literal('measured'), row: studyRow }),
  z.object({ type: z.literal('finished'), result: jobResult }),
  z.object({ type: z.literal('failed'), error: errorShape }),
  z.object({ type: z.literal('cancelled') }),
  z.object({ type: z.literal('paused') }),
  z.object({ type: z.literal('interrupted') }),
  /** Taken up again: it waits for its turn. */
  z.object({ type: z.literal('resumed') }),
]);
export type JobEvent = z.infer<typeof jobEvent>;

/** A job in this state is not worked on any more, unless it is taken up again. */
export const hasEnded = ({ state }: Pick<JobState, 'state'>): boolean => state !== 'queued' && state !== 'running';

/** Whether a job in this state can be taken up again. */
export const isResumable = ({ state }: Pick<JobState, 'state'>): boolean => hasEnded({ state }) && state !== 'done';

const notBegun: Extract<JobState, { state: 'running' }> = { state: 'running', progress: null, stages: [] };

/** The next state; events that do not apply (progress after the end, for example) leave it as it is. */
export function reduceJob(current: JobState, event: JobEvent): JobState {
  if (event.type === 'resumed') return isResumable(current) ? { state: 'queued' } : current;
  if (hasEnded(current)) return current;
  switch (event.type) {
    case 'waiting':
      return current.state === 'queued' ? { state: 'queued', waitingFor: event.waitingFor } : current;
    case 'started':
      return { state: 'running', progress: null, stages: [] };
    case 'progressed': {
      const { stages, series, progress: last } = current.state === 'running' ? current : notBegun;
      const { sites: _, ...told } = event.progress;
      return {
        state: 'running',
        progress: told,
        stages: stages.includes(told.stage) ? stages : [...stages, told.stage],
        series: addProgress(series, event.progress, last),
      };
    }
    case 'measured': {
      const running = current.state === 'running' ? current : notBegun;
      return { ...running, series: addRow(running.series, event.row) };
    }
    case 'finished':
      return { state: 'done', result: event.result };
    case 'failed':
      return { state: 'failed', error: event.error };
    case 'paused':
      return current.state === 'running' && current.series
        ? { state: 'paused', series: current.series }
        : { state: 'paused' };
    case 'cancelled':
    case 'interrupted':
      return { state: event.type };
  }
}
