// Models of a job that are on a hub: downloaded before the job begins, or, where no weight is read, known by their outline.
import { isHubAddress } from '../../contract/hub-address.ts';
import type { HubModel } from '../../contract/hub-model.ts';
import type { Recipe } from '../../contract/recipe.ts';
import { isSlicedPerBlock } from '../../core/architectures/decoder.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { fetchModel } from '../hub/fetch-model.ts';
import { openOutline } from '../hub/outline.ts';
import { openHub } from '../hub/open-hub.ts';
import { openSnapshot, type Hub } from '../hub/snapshot.ts';
import { stage, type JobContext } from '../jobs/context.ts';
import { requireDense, requireSharedSlice } from './sliceable.ts';

/** The recipe with paths where it had addresses, and what became of each address. */
export async function localRecipe<R extends Recipe>(
  context: JobContext,
  recipe: R,
): Promise<{ local: R; used: HubModel[] }> {
  const used: HubModel[] = [];
  const paths = new Map<string, Promise<string>>();
  const pathOf = async (model: string, headersOnly: boolean): Promise<string> => {
    if (!isHubAddress(model)) return model;
    const opened = paths.get(model) ?? openHubModel(context, { model, offline: recipe.offline, headersOnly }, used);
    paths.set(model, opened);
    return opened;
  };
  if (isHubAddress(recipe.model)) await refuseFromHeaders(context, recipe);
  const local = { ...recipe, model: await pathOf(recipe.model, recipe.verb === 'plan') };
  if (local.verb === 'evaluate' && local.against !== null) local.against = await pathOf(local.against, false);
  const takesTokenizer = local.verb === 'generate' || local.verb === 'evaluate' || local.verb === 'slice';
  if (takesTokenizer && local.tokenizer !== null) local.tokenizer = await pathOf(local.tokenizer, true);
  return { local, used };
}

/** What would be refused once it is here is refused before its weights come. @throws UNSUPPORTED_ARCHITECTURE */
async function refuseFromHeaders(context: JobContext, recipe: Recipe): Promise<void> {
  const { verb, model, offline } = recipe;
  if (verb !== 'slice' && verb !== 'invariance' && verb !== 'study') return;
  const outline = await stage(context, 'download', () => openOutline(hubOf(context, offline), model, context.scratch));
  const source = await openModel(outline.model);
  await source.close();
  if (verb === 'slice' && recipe.method === 'shared') await requireSharedSlice(source);
  else if (!isSlicedPerBlock(source)) await requireDense(source);
}

/** What a download job does. @throws USAGE where the model is no address */
export async function downloadModel(
  context: JobContext,
  { model, offline }: { model: string; offline: boolean },
): Promise<HubModel> {
  return stage(context, 'download', async () => {
    const hub = hubOf(context, offline);
    return fetchModel(hub, await openSnapshot(hub, model), { report: context.report });
  });
}

interface Wanted {
  model: string;
  offline: boolean;
  headersOnly: boolean;
}

async function openHubModel(context: JobContext, wanted: Wanted, used: HubModel[]): Promise<string> {
  if (!wanted.headersOnly) {
    const whole = await downloadModel(context, wanted);
    used.push(whole);
    return whole.path!;
  }
  const outline = await stage(context, 'download', () =>
    openOutline(hubOf(context, wanted.offline), wanted.model, context.scratch),
  );
  used.push(outline.used);
  return outline.model;
}

function hubOf({ folders, preferences, signal, warnings }: JobContext, offline: boolean): Hub {
  return openHub({ home: folders.home, preferences, offline, signal, warn: (warning) => warnings.push(warning) });
}
