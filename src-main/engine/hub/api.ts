// Two of the questions to a hub's API: which commit a revision is, and which files that commit has. The others: search.ts.
// Source: huggingface_hub hf_api.py (model_info, list_repo_tree) and huggingface.js packages/hub/src/lib/list-files.ts.
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import { formatHubAddress, type HubAddress } from '../../contract/hub-address.ts';
import { ask, type HubRequest } from './client.ts';
import { hubFile, type HubFile } from './hub-file.ts';
import type { HubSettings } from './settings.ts';

const revisionInfo = z.object({ sha: z.string().regex(/^[0-9a-f]{40}$/) });
const treeEntry = z.object({
  type: z.string(),
  path: z.string(),
  size: z.number().int().nonnegative(),
  oid: z.string(),
  lfs: z.object({ oid: z.string(), size: z.number().int().nonnegative() }).optional(),
});

/** A page has up to 1,000 entries; no model comes near. */
const mostPages = 200;
/** Of an answer, all pages of a listing together: some hundred thousand files. */
const longestAnswer = 64 * 2 ** 20;

export const pageOf = ({ endpoint }: HubSettings, { owner, name }: HubAddress): string =>
  `${endpoint}/${owner}/${name}`;

/** Where a file's bytes are. */
export function fileUrl(settings: HubSettings, address: HubAddress, commit: string, file: string): string {
  const path = file.split('/').map(encodeURIComponent).join('/');
  return `${pageOf(settings, address)}/resolve/${commit}/${path}`;
}

/** The commit that the address's revision is now. @throws HUB_NOT_FOUND, HUB_GATED, HUB_UNAVAILABLE, CANCELLED */
export async function findCommit(settings: HubSettings, address: HubAddress, signal: AbortSignal): Promise<string> {
  const revision = encodeURIComponent(address.revision);
  const url = `${apiOf(settings, address)}/revision/${revision}`;
  const { value } = await askJson(settings, { url, signal, wanted: wantedOf(settings, address) });
  return parsed(revisionInfo, value, url).sha;
}

/** All files of a commit, but those whose names could lead out of a folder. @throws as findCommit */
export async function listFiles(
  settings: HubSettings,
  { address, commit, signal }: { address: HubAddress; commit: string; signal: AbortSignal },
): Promise<HubFile[]> {
  const files: HubFile[] = [];
  const wanted = wantedOf(settings, address);
  let left = longestAnswer;
  let url: string | null = `${apiOf(settings, address)}/tree/${commit}?recursive=true&expand=false`;
  for (let page = 0; url !== null; page++) {
    if (page === mostPages) throw listingTooLong(wanted.what, `${mostPages} pages`);
    const answer = await askJson(settings, { url, signal, wanted });
    left -= answer.bytes;
    if (left < 0) throw listingTooLong(wanted.what, `${longestAnswer} bytes`);
    for (const entry of parsed(z.array(treeEntry), answer.value, url)) {
      if (entry.type !== 'file') continue;
      const { path: name, size, oid, lfs } = entry;
      const file = { name, bytes: lfs?.size ?? size, sha256: lfs?.oid ?? null, blob: oid };
      const known = hubFile.safeParse(file);
      if (known.success) files.push(known.data);
    }
    url = nextPage(settings, url, answer.link);
  }
  return files;
}

function listingTooLong(what: string, bound: string): AppError {
  const message = `The list of files of ${what} is longer than ${bound}, which no model's is: take a repository that holds the model alone.`;
  return new AppError('HUB_UNAVAILABLE', message, { what, bound });
}

const apiOf = ({ endpoint }: HubSettings, { owner, name }: HubAddress): string =>
  `${endpoint}/api/models/${owner}/${name}`;

function wantedOf(settings: HubSettings, address: HubAddress): HubRequest['wanted'] {
  return { what: formatHubAddress({ ...address, file: null }), page: pageOf(settings, address) };
}

/** An answer of the API, whole, and its length; `link` is the header of its pages. */
export async function askJson(
  settings: HubSettings,
  request: HubRequest,
): Promise<{ value: unknown; bytes: number; link: string | null }> {
  return ask(settings, request, async ({ body, headers }) => {
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const part of body) {
      parts.push(part);
      length += part.length;
      if (length > longestAnswer) throw misunderstood(request.url, `more than ${longestAnswer} bytes`);
    }
    try {
      const value = JSON.parse(Buffer.concat(parts).toString()) as unknown;
      return { value, bytes: length, link: headers.get('link') };
    } catch {
      throw misunderstood(request.url, 'no JSON');
    }
  });
}

/** The answer as it has to be. @throws HUB_UNAVAILABLE where it is not */
export function parsed<T>(schema: z.ZodType<T>, value: unknown, url: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw misunderstood(url, `${issue!.path.join('.') || 'the whole'}: ${issue!.message}`);
}

function misunderstood(url: string, problem: string): AppError {
  const message = `The hub's answer to ${url} is not what a hub answers (${problem}): check HF_ENDPOINT.`;
  return new AppError('HUB_UNAVAILABLE', message, { url, problem });
}

/** The address behind `rel="next"`; a mirror may repeat that of the hub it stands for. @throws HUB_UNAVAILABLE */
function nextPage({ endpoint }: HubSettings, page: string, link: string | null): string | null {
  const next = /<([^>]+)>\s*;[^,]*rel="next"/.exec(link ?? '')?.[1];
  if (next === undefined) return null;
  const url = URL.parse(next, endpoint);
  if (url === null || !/^https?:$/.test(url.protocol)) throw misunderstood(page, 'its next page has no address');
  return url.href.startsWith(`${endpoint}/`) ? url.href : `${endpoint}${url.pathname}${url.search}`;
}
