// Models of a job that are on a hub: judged by their outlines, then downloaded before the job begins, or, where no weight is
// read, known by their outline alone.
import { AppError } from '../../contract/errors.ts';
import { isHubAddress } from '../../contract/hub-address.ts';
import type { HubModel } from '../../contract/hub-model.ts';
import type { Recipe } from '../../contract/recipe.ts';
import { isSlicedPerBlock } from '../../core/architectures/decoder.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { fetchModel } from '../hub/fetch-model.ts';
import { openHub } from '../hub/open-hub.ts';
import { openOutline, type OpenedOutline } from '../hub/outline.ts';
import { hasHubModel, outlinedRecipe } from '../hub/outlined-recipe.ts';
import { openSnapshot, type Hub, type Snapshot } from '../hub/snapshot.ts';
import { stage, type JobContext } from '../jobs/context.ts';
import { requireDense, requireSharedSlice } from './sliceable.ts';

/** Is told of a recipe by what is here: outlines while `downloadBytes` are still to come, the models afterwards (0). */
export type OnLocal = (local: Recipe, downloadBytes: number) => Promise<void>;

/**
 * The recipe with paths where it had addresses, and what became of each address. What cannot end well is refused before
 * weights come. @throws as `onLocal`; UNSUPPORTED_ARCHITECTURE
 */
export async function localRecipe<R extends Recipe>(
  context: JobContext,
  recipe: R,
  onLocal: OnLocal,
): Promise<{ local: R; used: HubModel[] }> {
  const models = hubModels(context, recipe.offline);
  const used: HubModel[] = [];
  const paths = new Map<string, Promise<string>>();
  const open = async (address: string, headersOnly: boolean): Promise<string> => {
    if (headersOnly) {
      const outline = await models.outline(address);
      used.push(outline.used);
      return outline.model;
    }
    const whole = await models.whole(address);
    used.push(whole);
    return whole.path!;
  };
  const pathOf = async (model: string, headersOnly: boolean): Promise<string> => {
    if (!isHubAddress(model)) return model;
    const opened = paths.get(model) ?? open(model, headersOnly);
    paths.set(model, opened);
    return opened;
  };
  const readsWeights = recipe.verb !== 'plan';
  if (readsWeights && hasHubModel(recipe)) await judgeByHeaders(recipe, models, onLocal);
  const local = { ...recipe, model: await pathOf(recipe.model, !readsWeights) };
  if (local.verb === 'evaluate' && local.against !== null) local.against = await pathOf(local.against, false);
  const takesTokenizer = local.verb === 'generate' || local.verb === 'evaluate' || local.verb === 'slice';
  if (takesTokenizer && local.tokenizer !== null) local.tokenizer = await pathOf(local.tokenizer, true);
  if (used.length > 0) await onLocal(local, 0);
  return { local, used };
}

/** What would be refused once it is here is refused before its weights come; a hub that does not tell headers tells nothing. */
async function judgeByHeaders(recipe: Recipe, models: HubModels, onLocal: OnLocal): Promise<void> {
  const outlined = await outlinedRecipe(recipe, models.outline).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'HUB_UNAVAILABLE') return null;
    throw error;
  });
  if (outlined === null) return;
  const { local, downloadBytes } = outlined;
  await refuseGraphs(local);
  if (downloadBytes > 0) await onLocal(local, downloadBytes);
}

/** @throws UNSUPPORTED_ARCHITECTURE where a verb needs graphs that the model has not */
async function refuseGraphs(recipe: Recipe): Promise<void> {
  const { verb, model } = recipe;
  if (verb !== 'slice' && verb !== 'invariance' && verb !== 'study') return;
  const source = await openModel(model);
  await source.close();
  if (verb === 'slice' && recipe.method === 'shared') await requireSharedSlice(source);
  else if (!isSlicedPerBlock(source)) await requireDense(source);
}

/** What a download job does. @throws USAGE where the model is no address */
export async function downloadModel(
  context: JobContext,
  { model, offline }: { model: string; offline: boolean },
): Promise<HubModel> {
  return hubModels(context, offline).whole(model);
}

interface HubModels {
  outline: (address: string) => Promise<OpenedOutline>;
  whole: (address: string) => Promise<HubModel>;
}

/** Asks what an address means once. */
function hubModels(context: JobContext, offline: boolean): HubModels {
  const hub = hubOf(context, offline);
  const snapshots = new Map<string, Promise<Snapshot>>();
  const snapshotOf = (address: string): Promise<Snapshot> => {
    const opened = snapshots.get(address) ?? openSnapshot(hub, address);
    snapshots.set(address, opened);
    return opened;
  };
  return {
    outline: (address) =>
      stage(context, 'download', async () => openOutline(hub, await snapshotOf(address), context.scratch)),
    whole: (address) =>
      stage(context, 'download', async () => fetchModel(hub, await snapshotOf(address), { report: context.report })),
  };
}

function hubOf({ folders, preferences, signal, warnings }: JobContext, offline: boolean): Hub {
  return openHub({ home: folders.home, preferences, offline, signal, warn: (warning) => warnings.push(warning) });
}
