// A real engine (with its real children) for tests: in this process, on a home folder of its own.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { HandlersOf } from '../../src-main/contract/define-api.ts';
import type { EngineApi } from '../../src-main/contract/engine-api.ts';
import type { SliceResult } from '../../src-main/contract/results.ts';
import { hasEnded, type JobSnapshot } from '../../src-main/contract/job.ts';
import { recipe as recipeSchema } from '../../src-main/contract/recipe.ts';
import { createEngine } from '../../src-main/engine/engine.ts';
import { thisMachine, type Places } from '../../src-main/engine/runners/places.ts';
import { thisSystem, type System } from '../../src-main/engine/system.ts';
import { findFolders } from '../../src-main/engine/folders.ts';
import { root } from './paths.ts';

export type Events = { name: string; payload: unknown }[];

export interface TestEngine {
  home: string;
  call: HandlersOf<EngineApi>;
  events: Events;
  /** Starts a job and waits for its end. */
  run: (recipe: object) => Promise<JobSnapshot>;
  /** Starts a job, waits until it has reported `stage`, and returns its id. */
  runUntil: (recipe: object, stage: string) => Promise<string>;
  /** The job's snapshot once it has ended. */
  ended: (id: string) => Promise<JobSnapshot>;
  close: () => Promise<void>;
}

const context = { signal: new AbortController().signal, progress: () => {} } as never;

export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'snug-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

interface TestEngineOptions {
  home?: string;
  /** What differs from this machine's memory and disks. */
  system?: Partial<System>;
  /** Where other programs are looked for. */
  places?: Places;
}

export async function startEngine({
  home = temporaryFolder(),
  system = {},
  places = thisMachine(),
}: TestEngineOptions = {}): Promise<TestEngine> {
  const events: Events = [];
  const listeners = new Set<() => void>();
  const folders = { ...findFolders(path.join(root, 'src-main/engine'), false), home };
  const { handlers: call, close } = await createEngine(
    folders,
    (name, payload) => {
      events.push({ name, payload });
      for (const listener of [...listeners]) listener();
    },
    { ...thisSystem, ...system },
    places,
  );
  const when = <T>(find: () => Promise<T | null>): Promise<T> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        find().then((value) => {
          if (value === null) return;
          listeners.delete(look);
          resolve(value);
        }, reject);
      };
      listeners.add(look);
      look();
    });
  const get = async (id: string): Promise<JobSnapshot> => call['jobs.get']({ id }, context);
  const ended = (id: string): Promise<JobSnapshot> =>
    when(async () => {
      const snapshot = await get(id);
      return hasEnded(snapshot.job) ? snapshot : null;
    });
  const start = async (recipe: object): Promise<string> =>
    (await call['jobs.start']({ recipe: recipeSchema.parse(recipe), clonedFrom: null }, context)).id;
  return {
    home,
    call,
    events,
    ended,
    close,
    run: async (recipe) => ended(await start(recipe)),
    runUntil: async (recipe, stage) => {
      const id = await start(recipe);
      return when(async () => {
        const { job } = await get(id);
        if (job.state !== 'queued' && job.state !== 'running')
          throw new Error(`the job ended before ${stage}: ${JSON.stringify(job)}`);
        return job.state === 'running' && job.stages.includes(stage) ? id : null;
      });
    },
  };
}

/** The result of a job that was expected to succeed. */
export function resultOf<Verb extends string>(
  snapshot: JobSnapshot,
  verb: Verb,
): Extract<Extract<JobSnapshot['job'], { state: 'done' }>['result'], { verb: Verb }>['value'] {
  if (snapshot.job.state !== 'done' || snapshot.job.result.verb !== verb)
    throw new Error(`expected a result of ${verb}: ${JSON.stringify(snapshot.job)}`);
  return snapshot.job.result.value as never;
}

/** The result of a slice by this method. */
export function slicedBy<Method extends 'shared' | 'per-block'>(
  snapshot: JobSnapshot,
  method: Method,
): Extract<SliceResult, { method: Method }> {
  const result = resultOf(snapshot, 'slice');
  if (result.method !== method) throw new Error(`expected a slice by ${method}, not ${result.method}`);
  return result as never;
}

/** The error of a job that was expected to fail. */
export function errorOf(snapshot: JobSnapshot) {
  if (snapshot.job.state !== 'failed') throw new Error(`expected a failure: ${JSON.stringify(snapshot.job)}`);
  return snapshot.job.error;
}

/** Names in a folder, sorted, but for the records of runs beside what they made. */
export const madeIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => !name.endsWith('.recipe.json'))
    .toSorted();

/** Folders of scratch files that jobs left in the user data. */
export const scratchIn = (home: string): string[] =>
  readdirSync(path.join(home, 'jobs'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    /scratch\.[^/]*$/.test(name),
  );

/** Options that keep a job on the sample model short; one thread, since test files run side by side. */
export const quick = {
  threads: 1,
  calibration: { samples: 2, length: 256 },
  evaluation: { windows: 2, window: 256 },
};

/** The recipe of a slice block by block, a quarter narrower. */
export const perBlock = (model: string, output: string, more: object = {}): object => ({
  ...{ verb: 'slice', method: 'per-block', model, output, sparsity: 0.25, type: 'F32' },
  ...quick,
  ...more,
});
