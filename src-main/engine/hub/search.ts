// Questions to the whole hub: which repositories have these words in their names, and which were quantised from one.
// Source: huggingface.js packages/hub/src/lib/list-models.ts (search, filter and expand, each repeated; sort=downloads),
// huggingface_hub hf_api.py (list_models, ExpandModelProperty_T). `expand=gguf` is left out on purpose: it brings every row's
// chat template. The hub derives the tag base_model:quantized:OWNER/NAME from a model card's base_model (docs/hub/model-cards).
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import type { HubRepository } from '../../contract/hub-search.ts';
import { askJson, parsed } from './api.ts';
import type { HubRequest } from './client.ts';
import type { HubSettings } from './settings.ts';

const formats = ['gguf', 'safetensors'] as const;

/** What is read of a row; a mirror may leave out what it does not count. */
const row = z.object({
  id: z.string(),
  downloads: z.number().int().nonnegative().default(0),
  likes: z.number().int().nonnegative().default(0),
  /** false, or how access is given: auto, manual. */
  gated: z.union([z.boolean(), z.string()]).default(false),
  tags: z.array(z.string()).default([]),
  safetensors: z.object({ total: z.number().int().nonnegative() }).nullish().catch(null),
});
type Row = z.infer<typeof row>;

/** What someone waits for in front of a screen is not tried for minutes. */
const longestAskedMs = 5000;
const tries = 2;
const expanded = ['downloads', 'likes', 'gated', 'tags', 'safetensors'];

export interface Asking {
  settings: HubSettings;
  signal: AbortSignal;
}

/**
 * Repositories with these words in their names that hold weights in a format that Snug opens. Half of them GGUF, half
 * safetensors where there are enough of both: by downloads alone, one would crowd out the other.
 * @throws HUB_OFFLINE, HUB_GATED, HUB_UNAVAILABLE, CANCELLED
 */
export async function searchHub(asking: Asking, words: string, limit: number): Promise<HubRepository[]> {
  const what = `a search for "${words}"`;
  const question = (filter: string): Promise<Row[]> =>
    listModels(asking, what, { search: words, filter: [filter], limit });
  const [gguf, safetensors] = await Promise.all(formats.map(question));
  return mixed(gguf!.map(repositoryOf), safetensors!.map(repositoryOf), limit);
}

/** GGUF repositories that say they are quantised from this one, the most downloaded first. @throws as searchHub */
export async function quantisedFrom(asking: Asking, repository: string, limit: number): Promise<HubRepository[]> {
  // The tag keeps the case of the repository's own name, and filters compare it.
  const filter = [`base_model:quantized:${repository}`, 'gguf'];
  const rows = await listModels(asking, `the search for quantisations of ${repository}`, { filter, limit });
  return rows.map(repositoryOf);
}

/**
 * The repositories that a repository's model is: what its card says it was quantised from, else itself, as the hub writes it.
 * @throws as searchHub, HUB_NOT_FOUND
 */
export async function originalsOf(asking: Asking, repository: string): Promise<string[]> {
  const { settings, signal } = asking;
  refuseOffline(settings, `the search for quantisations of ${repository}`);
  const url = `${settings.endpoint}/api/models/${repository}?expand=tags`;
  const wanted = { what: `hub:${repository}`, page: `${settings.endpoint}/${repository}` };
  const { value } = await askJson(hurried(settings), { url, signal, wanted, tries });
  const { id, tags } = parsed(row, value, url);
  const bases = tags.map((tag) => /^base_model:quantized:([^/]+\/[^/]+)$/.exec(tag)?.[1]);
  const known = bases.filter((base) => base !== undefined);
  return known.length > 0 ? known : [id];
}

interface Question {
  search?: string;
  filter: readonly string[];
  limit: number;
}

async function listModels(
  { settings, signal }: Asking,
  what: string,
  { search, filter, limit }: Question,
): Promise<Row[]> {
  refuseOffline(settings, what);
  const parameters: [name: string, value: string][] = [
    ...Object.entries(search === undefined ? {} : { search }),
    ...filter.map((tag): [string, string] => ['filter', tag]),
    ...expanded.map((name): [string, string] => ['expand', name]),
    ['sort', 'downloads'],
    ['limit', String(limit)],
  ];
  const url = `${settings.endpoint}/api/models?${new URLSearchParams(parameters).toString()}`;
  const request: HubRequest = { url, signal, wanted: { what, page: null }, tries };
  const { value } = await askJson(hurried(settings), request);
  // Names that are no address (of the oldest models, without an owner) cannot be opened.
  return parsed(z.array(row), value, url).filter(({ id }) => /^[^/@:\s]+\/[^/@:\s]+$/.test(id));
}

const hurried = (settings: HubSettings): HubSettings => ({
  ...settings,
  pace: { ...settings.pace, longestAskedMs: Math.min(settings.pace.longestAskedMs, longestAskedMs) },
});

function refuseOffline({ offline, endpoint }: HubSettings, what: string): void {
  if (!offline) return;
  const message = `${endpoint} is not asked for ${what}: Snug is set to use no network (--offline, HF_HUB_OFFLINE or the settings).`;
  throw new AppError('HUB_OFFLINE', message, { endpoint, what });
}

const repositoryOf = ({ id, downloads, likes, gated, tags, safetensors }: Row): HubRepository => ({
  repository: id,
  formats: formats.filter((format) => tags.includes(format)),
  downloads,
  likes,
  gated: gated !== false,
  parameters: safetensors?.total ?? null,
});

function mixed(gguf: HubRepository[], safetensors: HubRepository[], limit: number): HubRepository[] {
  const others = safetensors.filter(({ repository }) => !gguf.some((one) => one.repository === repository));
  const half = Math.max(Math.ceil(limit / 2), limit - others.length);
  const shown = gguf.slice(0, half);
  return [...shown, ...others.slice(0, limit - shown.length)].toSorted((a, b) => b.downloads - a.downloads);
}
