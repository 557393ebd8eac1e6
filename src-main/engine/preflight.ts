// What a job is expected to take, before it starts: facts from headers and texts, rates of this machine, free disk and
// memory. What cannot be told is left out, and never stops a job.
import path from 'node:path';
import { AppError } from '../contract/errors.ts';
import type { Preflight } from '../contract/preflight.ts';
import type { Recipe } from '../contract/recipe.ts';
import { formatFileSize, formatMemory } from '../contract/units.ts';
import { estimate, type Estimate } from '../core/planning/estimate.ts';
import { plannedFit } from '../core/planning/cost.ts';
import { jobWork, type JobWork } from '../core/planning/job-work.ts';
import type { Children } from './children.ts';
import type { Folders } from './folders.ts';
import { jobFacts } from './job-facts.ts';
import type { KnownPlans } from './known-plans.ts';
import type { MachineService } from './machine.ts';
import { modelsFolder } from './hub/open-hub.ts';
import type { System } from './system.ts';
import type { UserSettings } from './user-settings.ts';

/** A machine is measured for a job that is expected to take longer. */
const worthMeasuringSeconds = 10;

export interface PreflightParts {
  folders: Folders;
  children: Pick<Children, 'worker'>;
  machine: MachineService;
  /** Of models that were planned since the engine started. */
  plans: KnownPlans;
  settings: UserSettings;
  system: System;
}

export interface Flight {
  preflight: Preflight;
  /** What the job's seconds are held against when it is done; null where nothing was estimated. */
  estimate: Estimate | null;
}

export interface FlightOptions {
  signal: AbortSignal;
  /** What of the models has to come to this machine yet. @default 0 */
  downloadBytes?: number;
  /** False while a job computes, whose load would be measured too. */
  mayMeasure: boolean;
}

const nothingKnown: Flight = {
  preflight: { seconds: null, stages: {}, peakMemoryBytes: null, disks: [], problems: [], warnings: [] },
  estimate: null,
};

/** @throws CANCELLED, nothing else */
export async function preflight(parts: PreflightParts, recipe: Recipe, options: FlightOptions): Promise<Flight> {
  try {
    return await fly(parts, recipe, options);
  } catch (error) {
    if (options.signal.aborted) throw AppError.from(error);
    return nothingKnown;
  }
}

async function fly(
  parts: PreflightParts,
  recipe: Recipe,
  { signal, mayMeasure, downloadBytes = 0 }: FlightOptions,
): Promise<Flight> {
  const { machine, folders, settings, system, children, plans } = parts;
  const texts = path.join(folders.resources, 'texts');
  const work = await workOf(recipe, { texts, plans });
  if (!work) return nothingKnown;
  const estimated = ({ works }: JobWork): Estimate => {
    const known = machine.known();
    return estimate(works, known, recipe.threads ?? known.rates.threads);
  };
  if (mayMeasure && !machine.isMeasured()) {
    // What a list of plans says of them has to be what their own preflight says later.
    const likelyNext: Recipe = recipe.verb === 'plan' ? { ...plannedFit(recipe), plan: 'q4_k_m' } : recipe;
    const longest = (await workOf(likelyNext, { texts, plans })) ?? work;
    if (estimated(longest).seconds.likely > worthMeasuringSeconds)
      await machine.measure(children, folders.home, signal).catch(() => undefined);
  }
  const found = estimated(work);
  const { seconds, stages, peakMemoryBytes, scratchBytes } = found;
  const { disks, problems } = await disksOf(system, {
    ...{ home: folders.home, scratchBytes, work },
    ...{ models: modelsFolder(folders.home, settings.read()), downloadBytes },
    output: 'output' in recipe ? recipe.output : null,
  });
  const limit = 'maxMemoryBytes' in recipe ? recipe.maxMemoryBytes : null;
  const memory = memoryProblem(system, peakMemoryBytes, limit);
  const against = [...problems, ...(memory ? [memory] : [])];
  return {
    estimate: found,
    preflight: { seconds, stages, peakMemoryBytes, disks, problems: against, warnings: [] },
  };
}

async function workOf(recipe: Recipe, { texts, plans }: { texts: string; plans: KnownPlans }): Promise<JobWork | null> {
  const facts = await jobFacts(recipe, texts);
  if (facts === null) return null;
  return jobWork(recipe, recipe.verb === 'fit' ? { ...facts, ...(await plans.of(recipe)) } : facts);
}

interface DiskUse {
  home: string;
  output: string | null;
  scratchBytes: number;
  /** Where models from a hub are kept. */
  models: string;
  downloadBytes: number;
  work: JobWork;
}

async function disksOf(
  system: System,
  { home, output, scratchBytes, models, downloadBytes, work }: DiskUse,
): Promise<Pick<Preflight, 'disks' | 'problems'>> {
  const uses = [
    ...(output === null
      ? []
      : [{ place: path.dirname(path.resolve(output)), likely: work.outputBytes, least: work.leastOutputBytes }]),
    { place: home, likely: scratchBytes, least: scratchBytes },
    ...(downloadBytes === 0 ? [] : [{ place: models, likely: downloadBytes, least: downloadBytes }]),
  ];
  const found = await Promise.all(uses.map(async (use) => ({ ...use, disk: await system.diskOf(use.place) })));
  const byDisk = [...Map.groupBy(found, ({ place, disk }) => disk?.device ?? place).values()].map((group) => ({
    place: group[0]!.place,
    likely: Math.round(group.reduce((sum, { likely }) => sum + likely, 0)),
    least: Math.round(group.reduce((sum, { least }) => sum + least, 0)),
    freeBytes: group[0]!.disk?.freeBytes ?? null,
  }));
  return {
    disks: byDisk.map(({ place, likely, freeBytes }) => ({ place, neededBytes: likely, freeBytes })),
    problems: byDisk.flatMap((disk) => diskProblem(disk) ?? []),
  };
}

function diskProblem({
  place,
  likely,
  least,
  freeBytes,
}: {
  place: string;
  likely: number;
  least: number;
  freeBytes: number | null;
}): Preflight['problems'][number] | null {
  if (freeBytes === null || likely <= freeBytes) return null;
  const refuses = least > freeBytes;
  const neededBytes = refuses ? least : likely;
  const need = `needs ${refuses ? 'at least' : 'about'} ${formatFileSize(neededBytes)}`;
  const message = `The disk of ${place} has ${formatFileSize(freeBytes)} free, and this job ${need} there. Make room, or choose another place.`;
  return { kind: 'disk', message, refuses, neededBytes, availableBytes: freeBytes };
}

/** Too much for what the user allows, for the machine, or for now. */
function memoryProblem(system: System, needed: number, limit: number | null): Preflight['problems'][number] | null {
  const expected = `This job is expected to need ${formatMemory(needed)} of memory in one process`;
  const problem = (availableBytes: number, rest: string, refuses: boolean): Preflight['problems'][number] => ({
    ...{ kind: 'memory', message: `${expected}, and ${rest}`, refuses, neededBytes: needed, availableBytes },
  });
  if (limit !== null && needed > limit) return problem(limit, `--max-memory allows ${formatMemory(limit)}.`, true);
  const total = system.totalMemory();
  if (needed > total) return problem(total, `this machine has ${formatMemory(total)}.`, true);
  const free = system.availableMemory();
  if (needed <= free) return null;
  return problem(
    free,
    `${formatMemory(free)} are free now: close other programs, or it may be slow or be ended.`,
    false,
  );
}

/** @throws DISK_FULL, OUT_OF_MEMORY with needed and available bytes, for what refuses the job */
export function refuseProblems({ problems }: Preflight): void {
  const refusal = problems.find(({ refuses }) => refuses);
  if (!refusal) return;
  const { kind, message, neededBytes: needed, availableBytes } = refusal;
  if (kind === 'disk') throw new AppError('DISK_FULL', message, { needed, free: availableBytes });
  throw new AppError('OUT_OF_MEMORY', message, { needed, limit: availableBytes });
}
