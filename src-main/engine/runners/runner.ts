// What a runner is to Snug: how it is found, and what has to be placed where for it to run a model.
import type { LinkKind, RunnerName } from '../../contract/runners.ts';
import type { Progress } from '../../contract/progress.ts';
import type { InstallFile, Installs } from '../catalog/installs.ts';
import type { ExportedModel } from './exported-model.ts';
import type { Places } from './places.ts';

export interface Finding {
  found: boolean;
  program: string | null;
  /** Where its models lie. */
  folder: string | null;
  looked: string[];
}

export interface ExportContext {
  places: Places;
  /** Snug's own user data. */
  home: string;
  installs: Pick<Installs, 'at'>;
  link: LinkKind | null;
  /** What the model is called in the runner. */
  name: string;
  signal: AbortSignal;
  progress: (progress: Progress) => void;
}

/** `otherwise`: the name it gets where a user's file has this one. */
export interface PlannedText {
  path: string;
  text: string;
  otherwise?: string;
}

/** All that an export will do, as data: nothing is written before it stands. */
export interface PlacementPlan {
  links: { from: string; to: string }[];
  texts: PlannedText[];
  next: string;
  notes: string[];
  /** What is left to the runner's own program, when all files are placed; null where it has the model already. */
  finish?: () => Promise<InstallFile | null>;
}

export interface Runner {
  id: RunnerName;
  name: string;
  /** How a model gets there, in words. */
  placement: string;
  /** @param at its folder, where the user names it */
  find(places: Places, at: string | null): Promise<Finding>;
  version?(finding: Finding, places: Places): Promise<string | null>;
  plan(model: ExportedModel, finding: Finding, context: ExportContext): Promise<PlacementPlan>;
}
