// A run as a row of the table shows it, without the recipe and the file lists that a run in full has: ten thousand fit in memory.
import type { Experiment, ExperimentState } from '../../../src-main/contract/history.ts';
import type { PlanMemory } from '../../../src-main/contract/plan.ts';
import { target as targetSchema, type MemoryTarget } from '../../../src-main/contract/target.ts';
import { nameOf } from '../model/model-path.ts';

export interface RunRow {
  run: string;
  verb: string;
  method: string | null;
  /** Type of the weights or id of the plan, where the recipe names one. */
  type: string | null;
  model: string;
  name: string;
  state: ExperimentState;
  created: string;
  seconds: number | null;
  device: string | null;
  /** Of what it made, there or not; null where it made nothing. */
  bytes: number | null;
  /** A file of it that is there, to be shown in its folder. */
  presentFile: string | null;
  loss: number | null;
  lossError: number | null;
  /** That the loss was measured on. */
  text: string | null;
  memory: PlanMemory | null;
  card: MemoryTarget | null;
  tags: readonly string[];
}

export function rowOf(experiment: Experiment): RunRow {
  const { run, verb, method, model, state, created, seconds, device, artifacts, metrics, memory, tags } = experiment;
  const loss = metrics['kld'] ?? null;
  return {
    ...{ run, verb, method, model, state, created, seconds, device, memory, tags, loss },
    name: nameOf(model),
    type: typeOf(experiment),
    bytes: artifacts.length === 0 ? null : artifacts.reduce((sum, { bytes }) => sum + bytes, 0),
    presentFile: artifacts.find(({ present }) => present)?.path ?? null,
    lossError: experiment.standardErrors['kld'] ?? null,
    text: loss === null ? null : textOf(experiment.recipe),
    card: cardOf(experiment.recipe),
  };
}

function typeOf({ verb, recipe }: Experiment): string | null {
  const named = verb === 'fit' ? recipe['plan'] : recipe['type'];
  return typeof named === 'string' && verb !== 'study' ? named : null;
}

function textOf({ evaluation }: Experiment['recipe']): string | null {
  const text = (evaluation as { text?: unknown } | undefined)?.text;
  return typeof text === 'string' ? nameOf(text) : null;
}

/** The card that a recipe is for; null where it is for a file size, or was kept by another Snug. */
export function cardOf(recipe: Experiment['recipe']): MemoryTarget | null {
  const read = targetSchema.safeParse(recipe['target']);
  return read.success && read.data.kind === 'memory' ? read.data : null;
}
