// What is told of models wherever they are: on this machine, or on a hub, of which only headers and small files are read.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isHubAddress, parseHubAddress } from '../../contract/hub-address.ts';
import type { Inspection } from '../../contract/model.ts';
import type { Preflight } from '../../contract/preflight.ts';
import type { Recipe } from '../../contract/recipe.ts';
import type { Settings } from '../../contract/settings.ts';
import type { KeptBlocks } from '../hub/kept-blocks.ts';
import { openHub } from '../hub/open-hub.ts';
import { openOutline, type OpenedOutline } from '../hub/outline.ts';
import { hasHubModel, outlinedRecipe, type OutlinedRecipe } from '../hub/outlined-recipe.ts';
import { openSnapshot } from '../hub/snapshot.ts';
import { checkFolder } from '../jobs/output-claim.ts';
import { preflight, type FlightOptions, type PreflightParts } from '../preflight.ts';
import { inspect } from './inspect.ts';

export interface InspectOptions {
  /** The user data. */
  home: string;
  preferences: Settings;
  signal: AbortSignal;
  /** What was read of files on hubs before. */
  blocks?: KeptBlocks;
}

export async function inspectAnywhere(
  { model, offline = false }: { model: string; offline?: boolean | undefined },
  options: InspectOptions,
): Promise<Inspection> {
  if (!isHubAddress(model)) return inspect(model);
  return withOutlines({ ...options, offline }, async (outline, warnings) => {
    const { model: local, used } = await outline(model);
    const { owner, name } = parseHubAddress(model);
    const found = { path: used.path ?? model, hub: [used], repository: `${owner}/${name}`, warnings };
    return { ...(await inspect(local)), ...found };
  });
}

/**
 * What a job would take; of one whose models are on a hub, by their headers, where they can be had.
 * @throws CANCELLED; FILE_NOT_FOUND, NOT_WRITABLE for the folder of its output, as its start does, unless `isOutputOpen`
 */
export async function preflightAnywhere(
  parts: PreflightParts & { blocks: KeptBlocks },
  recipe: Recipe,
  { isOutputOpen = false, ...options }: Omit<FlightOptions, 'downloadBytes'> & { isOutputOpen?: boolean | undefined },
): Promise<Preflight> {
  if (!isOutputOpen && 'output' in recipe && recipe.output !== null)
    await checkFolder(path.dirname(path.resolve(recipe.output)));
  const told = async ({ local, downloadBytes }: OutlinedRecipe, warnings: string[] = []): Promise<Preflight> => ({
    ...(await preflight(parts, local, { ...options, downloadBytes })).preflight,
    warnings,
  });
  const asItIs = { local: recipe, downloadBytes: 0 };
  if (!hasHubModel(recipe)) return told(asItIs);
  const { folders, settings, blocks } = parts;
  const { signal } = options;
  const place = { home: folders.home, preferences: settings.read(), signal, blocks, offline: recipe.offline };
  return withOutlines(place, async (outline, warnings) =>
    told(await outlinedRecipe(recipe, outline).catch(() => asItIs), warnings),
  );
}

/** Opens outlines that are gone afterwards; `warnings` gets what is to be said of those that were opened. */
async function withOutlines<T>(
  options: InspectOptions & { offline: boolean },
  work: (outline: (address: string) => Promise<OpenedOutline>, warnings: string[]) => Promise<T>,
): Promise<T> {
  const warnings: string[] = [];
  const hub = openHub({ ...options, warn: (warning) => warnings.push(warning) });
  const scratch = await mkdtemp(path.join(tmpdir(), 'snug-inspect-'));
  try {
    return await work(async (address) => openOutline(hub, await openSnapshot(hub, address), scratch), warnings);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
