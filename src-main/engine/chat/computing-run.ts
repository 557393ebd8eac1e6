// The run that computes on this machine now, of whatever Snug, and the memory that it may still take.
import { recipe as recipeSchema } from '../../contract/recipe.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { preflight } from '../preflight.ts';
import type { ChatParts } from './chat-parts.ts';

export interface ComputingRun {
  run: string;
  verb: string;
  model: string;
  /** null where it cannot be told. */
  neededBytes: number | null;
}

/** Whoever computes holds the lease of the machine (jobs/turns.ts). @throws CANCELLED */
export async function computingRun(
  parts: ChatParts,
  { leases, history }: Catalog,
  signal: AbortSignal,
): Promise<ComputingRun | null> {
  const lease = leases.current('cpu');
  if (lease === null) return null;
  const { run, verb, model, recipe } = history.get(lease.experiment);
  const known = recipeSchema.safeParse({ ...recipe, verb, model });
  const peak = known.success
    ? (await preflight(parts, known.data, { signal, mayMeasure: false })).preflight.peakMemoryBytes
    : null;
  const job = parts.queue.list().find(({ id }) => id === run)?.job;
  const has = (job?.state === 'running' ? job.progress?.memoryBytes : undefined) ?? 0;
  return { run, verb, model, neededBytes: peak === null ? null : Math.max(0, peak - has) };
}
