// What the history tells of runs: lists, one run in full, a comparison.
import { z } from 'zod';
import { errorShape } from './errors.ts';
import type { jobState } from './job.ts';
import { planMemory } from './plan.ts';
import { linkKind, runnerInstall } from './runners.ts';
import { bytes } from './units.ts';

export const experimentState = z.enum([
  'queued',
  'running',
  'paused',
  'interrupted',
  'done',
  'failed',
  'cancelled',
]) satisfies z.ZodType<z.infer<typeof jobState>['state']>;
export type ExperimentState = z.infer<typeof experimentState>;

/** A recipe as it was kept: of an older Snug it may lack what later ones added. */
const keptRecipe = z.record(z.string(), z.unknown());

export const artifact = z.object({
  path: z.string(),
  bytes,
  sha256: z.string().nullable(),
  /** The file lies there; false once it was deleted, here or by someone else. */
  present: z.boolean(),
});
export type Artifact = z.infer<typeof artifact>;

export const metric = z.object({
  name: z.string(),
  value: z.number(),
  standardError: z.number().nullable(),
  /** What it was measured on and by: engine, text, windows; of a study the row. Empty where the name says all. */
  context: z.string(),
});
export type Metric = z.infer<typeof metric>;

export const experiment = z.object({
  run: z.string(),
  verb: z.string(),
  model: z.string(),
  method: z.string().nullable(),
  recipe: keptRecipe,
  /** Equal for runs that would do the same. */
  recipeHash: z.string(),
  state: experimentState,
  created: z.string(),
  started: z.string().nullable(),
  finished: z.string().nullable(),
  /** Of work, without waiting; null while there is none. */
  seconds: z.number().nullable(),
  device: z.string().nullable(),
  /** The main figures by name; all of them with their context are in a run's detail. */
  metrics: z.record(z.string(), z.number()),
  /** Standard errors of those figures that have one. */
  standardErrors: z.record(z.string(), z.number()),
  artifacts: z.array(artifact),
  /** What the plan of a fit takes on the card; null for every other run. */
  memory: planMemory.nullable(),
  tags: z.array(z.string()),
  note: z.string(),
});
export type Experiment = z.infer<typeof experiment>;

export const experimentDetail = experiment.extend({
  seed: z.number().int().nullable(),
  /** Hashes: of the model a sample of its bytes (docs/history.md), of texts all of them. */
  modelHash: z.string().nullable(),
  texts: z.array(z.object({ sha256: z.string(), use: z.enum(['calibration', 'evaluation']) })),
  versions: z.record(z.string(), z.string()),
  /** The run that this one was cloned from. */
  clonedFrom: z.string().nullable(),
  stages: z.array(z.object({ name: z.string(), seconds: z.number() })),
  allMetrics: z.array(metric),
  /** Exports to runners and folders, newest first. */
  installs: z.array(runnerInstall),
  result: z.unknown(),
  error: errorShape.nullable(),
});
export type ExperimentDetail = z.infer<typeof experimentDetail>;

/** What runs are sorted by: when they were asked for, or what they worked on, made and lost. Runs without it come last. */
export const historySort = z.enum(['created', 'model', 'method', 'size', 'loss', 'device']);
export type HistorySort = z.infer<typeof historySort>;

export const historyFilter = z.object({
  verb: z.string().nullable().default(null),
  state: experimentState.nullable().default(null),
  tag: z.string().nullable().default(null),
  /** Part of the model's path, the verb, the method, the note or the run's name. */
  search: z.string().default(''),
  /** Leaves out plans, which are questions more than runs. */
  withoutPlans: z.boolean().default(false),
  sort: historySort.default('created'),
  descending: z.boolean().default(true),
  limit: z.number().int().positive().max(1000).default(50),
  offset: z.number().int().nonnegative().default(0),
});
export type HistoryFilter = z.infer<typeof historyFilter>;

export const experimentList = z.object({
  experiments: z.array(experiment),
  /** That the filter finds, beyond `limit` too. */
  total: z.number().int(),
});
export type ExperimentList = z.infer<typeof experimentList>;

/** Runs that can go on. */
export const unfinishedList = experimentList.extend({
  /** failure: code and first line of the error of one that failed, else null. */
  experiments: z.array(experiment.extend({ failure: z.string().nullable() })),
});
export type UnfinishedList = z.infer<typeof unfinishedList>;

export const comparison = z.object({
  runs: z.array(experiment),
  /** Settings that are not the same in all of them: dotted name, and a value per run (null: not set). */
  differences: z.array(z.object({ setting: z.string(), values: z.array(z.unknown()) })),
  /** Measures that any of them has; null where a run lacks it. */
  metrics: z.array(
    z.object({
      name: z.string(),
      context: z.string(),
      values: z.array(z.object({ value: z.number(), standardError: z.number().nullable() }).nullable()),
    }),
  ),
});
export type Comparison = z.infer<typeof comparison>;

export const deletedFiles = z.object({
  run: z.string(),
  deleted: z.array(z.object({ path: z.string(), bytes })),
  /** Files that were left, each with the reason. */
  kept: z.array(z.object({ path: z.string(), reason: z.string() })),
  /** Where exports placed the deleted files: a hard link keeps the bytes on the disk, a symbolic one leads nowhere now. */
  linked: z.array(z.object({ path: z.string(), target: z.string(), how: linkKind })),
});
export type DeletedFiles = z.infer<typeof deletedFiles>;

export const libraryModel = z.object({
  path: z.string(),
  /** null where no run has weighed it yet. */
  bytes: bytes.nullable(),
  present: z.boolean(),
  /** Where an export still has it though its own file is gone: a hard link or a copy. */
  heldAt: z.string().nullable(),
  /** The model that it was made from; null for one that came from elsewhere. */
  parent: z.string().nullable(),
  /** The run that made it; null for one that came from elsewhere. */
  madeBy: z.object({ run: z.string(), verb: z.string(), method: z.string().nullable() }).nullable(),
  /** Mean KL divergence from its parent, where its run measured it. */
  loss: z.number().nullable(),
  /** Runs that worked on it, without plans. */
  runs: z.number().int(),
  /** When it was made or worked on last. */
  seen: z.string(),
});
export type LibraryModel = z.infer<typeof libraryModel>;

export const modelLibrary = z.object({
  models: z.array(libraryModel),
  /** Of the files that runs made and that are still there, or that an export still has. */
  madeBytes: bytes,
});
export type ModelLibrary = z.infer<typeof modelLibrary>;
