// What a running job has at hand: its children, its scratch folder, its clock, its way to report and to be cancelled.
import { availableParallelism } from 'node:os';
import { AppError } from '../../contract/errors.ts';
import type { Progress } from '../../contract/progress.ts';
import { usualSettings, type Settings } from '../../contract/settings.ts';
import type { StudyRow } from '../../contract/study.ts';
import { unmeasuredMachine, type Machine } from '../../core/planning/estimate.ts';
import { noPlans, type FoundPlans } from '../../core/planning/found-plans.ts';
import type { Children, LlamaClient, WorkerClient } from '../children.ts';
import type { Providers } from '../devices/providers.ts';
import { restarting } from './restarting.ts';
import type { Folders } from '../folders.ts';
import type { JobFolder } from './job-folder.ts';
import type { Naming } from './own-output.ts';

export type LlamaIdentity = Awaited<ReturnType<LlamaClient['identify']>>;
export type ModelDescription = Awaited<ReturnType<LlamaClient['describe']>>;

export interface JobContext {
  run: string;
  signal: AbortSignal;
  folders: Folders;
  /** What the user has set, as it was when the job began. */
  preferences: Settings;
  /** The device that a model ran on last, in llama.cpp or on our graphs; tensor kernels always run on the CPU. */
  device: string;
  /** Where our graphs may run. */
  providers: Providers;
  /** For tensor kernels: all cores, or what the recipe says. */
  threads: number;
  /** For llama.cpp: what the recipe says, else the host's own choice (the cores that are free then). */
  llamaThreads: { threads?: number };
  /** A folder of the job's own in the user data; gone when the job ends. */
  scratch: string;
  /** What the job finished on the way, kept until it is done (checkpoint.ts). */
  checkpoints: string;
  naming: Naming;
  /** What llama.cpp sees of this machine; asked once per job. */
  identify: () => Promise<LlamaIdentity>;
  /** What llama.cpp says of a model file; asked once per job and file. */
  describe: (model: string) => Promise<ModelDescription>;
  warnings: string[];
  /** What plans are costed with. */
  machine: Machine;
  /** The plans that were listed. */
  planned: FoundPlans;
  /** Stages that were spared work by what an earlier job had finished: their seconds say nothing of later ones. */
  shortened: Set<string>;
  /** Models of this job expanded to F16, by path: a reference serves every candidate. */
  expansions: Map<string, string>;
  /** Seconds per stage. */
  seconds: Record<string, number>;
  /** The highest resident set of any process of the job but the llama host, so far. */
  peakMemoryBytes: number;
  report: (progress: Progress) => void;
  /** Told of every row of a study as soon as it is there. */
  measured: (row: StudyRow) => void;
  llama: <T>(duty: (client: LlamaClient) => Promise<T>) => Promise<T>;
  worker: <T>(task: (client: WorkerClient) => Promise<T>) => Promise<T>;
}

export interface ContextOptions {
  run: string;
  /** Of the run, made by `openJobFolder`. */
  folder: JobFolder;
  signal: AbortSignal;
  folders: Folders;
  children: Children;
  providers: Providers;
  threads: number | null;
  /** @default false */
  isNamed?: boolean;
  /** @default one that was not measured */
  machine?: Machine;
  /** @default as they come */
  preferences?: Settings;
  report: (progress: Progress) => void;
  /** @default nobody listens */
  measured?: (row: StudyRow) => void;
}

/** Runs `work` with a fresh context. */
export async function withContext<T>(options: ContextOptions, work: (context: JobContext) => Promise<T>): Promise<T> {
  const { run, signal, folders, providers, report, measured = () => {} } = options;
  const warnings: string[] = [];
  const children = restarting(options.children, (warning) => warnings.push(warning));
  const { scratch, checkpoints, outputNote } = options.folder;
  let identity: Promise<LlamaIdentity> | null = null;
  const descriptions = new Map<string, Promise<ModelDescription>>();
  return work({
    run,
    signal,
    folders,
    preferences: options.preferences ?? usualSettings,
    providers,
    scratch,
    checkpoints,
    naming: { note: outputNote, isNamed: options.isNamed ?? false },
    report,
    measured,
    threads: options.threads ?? availableParallelism(),
    llamaThreads: options.threads === null ? {} : { threads: options.threads },
    device: 'cpu',
    warnings,
    machine: options.machine ?? unmeasuredMachine(availableParallelism()),
    planned: noPlans(),
    shortened: new Set(),
    expansions: new Map(),
    seconds: {},
    peakMemoryBytes: 0,
    identify: () => (identity ??= children.llama(signal, (client) => client.identify({}))),
    describe: (model) => {
      const known =
        descriptions.get(model) ?? children.llama(signal, (client) => client.describe({ model }, { signal }));
      descriptions.set(model, known);
      return known;
    },
    llama: (duty) => children.llama(signal, duty),
    worker: (task) => children.worker(signal, task),
  });
}

/** Runs one stage: reports its start, adds its time to the job's seconds. */
export async function stage<T>(context: JobContext, name: string, work: () => Promise<T>): Promise<T> {
  if (context.signal.aborted) throw new AppError('CANCELLED', 'Cancelled.');
  const start = performance.now();
  context.report({ stage: name, done: 0, total: 1 });
  try {
    return await work();
  } finally {
    context.seconds[name] = (context.seconds[name] ?? 0) + (performance.now() - start) / 1000;
    notePeakMemory(context, process.resourceUsage().maxRSS * 1024);
  }
}

/** Notes the highest resident set of a process of the job. */
export function notePeakMemory(context: JobContext, bytes: number): void {
  context.peakMemoryBytes = Math.max(context.peakMemoryBytes, bytes);
}

/** Passes progress of a child's call on under the job's own stage name. */
export function reportAs(context: JobContext, name: string, detail?: string): (progress: Progress) => void {
  return (progress) => context.report({ ...progress, stage: name, ...(detail === undefined ? {} : { detail }) });
}

/** The seconds of a finished job, with their sum. */
export function totalSeconds(context: JobContext): Record<string, number> & { total: number } {
  const total = Object.values(context.seconds).reduce((sum, value) => sum + value, 0);
  return { ...context.seconds, total };
}
