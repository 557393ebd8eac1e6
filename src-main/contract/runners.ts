// Programs that run models: what was found of them, models placed there, and taken out again.
import { z } from 'zod';
import { bytes } from './units.ts';

export const runnerName = z.enum(['ollama', 'lm-studio', 'jan', 'koboldcpp', 'text-generation-webui', 'llama-server']);
export type RunnerName = z.infer<typeof runnerName>;

export const foundRunner = z.object({
  runner: runnerName,
  /** As people know it. */
  name: z.string(),
  found: z.boolean(),
  /** null where only its folder was found. */
  program: z.string().nullable(),
  /** Where its models lie; null where it has no such folder. */
  folder: z.string().nullable(),
  /** null where it is not cheaply known. */
  version: z.string().nullable(),
  /** How a model gets there, in words. */
  placement: z.string(),
  /** Where it was looked for. */
  looked: z.array(z.string()),
});
export type FoundRunner = z.infer<typeof foundRunner>;

export const runnerList = z.object({ runners: z.array(foundRunner) });
export type RunnerList = z.infer<typeof runnerList>;

/** A run of the history, or a model by its absolute path. */
export const exportSource = z.union([z.object({ run: z.string() }), z.object({ file: z.string() })]);
export type ExportSource = z.infer<typeof exportSource>;

export const linkKind = z.enum(['hard', 'symbolic', 'copy']);
export type LinkKind = z.infer<typeof linkKind>;

/** A runner, or a folder by its absolute path. */
export const exportTarget = z.union([z.object({ runner: runnerName }), z.object({ folder: z.string() })]);
export type ExportTarget = z.infer<typeof exportTarget>;

export const exportRequest = z.object({
  source: exportSource,
  to: exportTarget,
  /** null: a hard link, else a symbolic one; never a copy. */
  link: linkKind.nullable().default(null),
  /** What the model is called in the runner; null: as its file. */
  name: z.string().nullable().default(null),
  /** The folder of a runner that is not found by itself. */
  at: z.string().nullable().default(null),
});
export type ExportRequest = z.infer<typeof exportRequest>;

/** `written`: a small file of Snug's; `model`: an entry in the runner's own store, `path` is its name there. */
export const placedHow = z.enum(['hard', 'symbolic', 'copy', 'written', 'model']);
export type PlacedHow = z.infer<typeof placedHow>;

const placedFile = z.object({ path: z.string(), how: placedHow, bytes });
export type PlacedFile = z.infer<typeof placedFile>;

export const exportResult = z.object({
  /** The runner's name, or the folder. */
  target: z.string(),
  run: z.string().nullable(),
  placed: z.array(placedFile),
  /** All of it was there already, placed before. */
  already: z.boolean(),
  /** What to type or click. */
  next: z.string(),
  /** Things to know. */
  notes: z.array(z.string()),
});
export type ExportResult = z.infer<typeof exportResult>;

export const undoRequest = z.object({
  source: exportSource,
  /** null: from everywhere. */
  to: exportTarget.nullable().default(null),
});

export const undoResult = z.object({
  undone: z.array(
    z.object({
      target: z.string(),
      removed: z.array(placedFile),
      /** What was not touched, each with the reason. */
      left: z.array(z.object({ path: z.string(), reason: z.string() })),
    }),
  ),
});
export type UndoResult = z.infer<typeof undoResult>;

/** An export as the history tells of it. */
export const runnerInstall = z.object({
  target: z.string(),
  file: z.string(),
  created: z.string(),
  undone: z.string().nullable(),
  placed: z.array(placedFile),
});
export type RunnerInstall = z.infer<typeof runnerInstall>;
