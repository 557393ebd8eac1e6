// What a repository has to choose from, by its listing alone: nothing of a model is fetched.
import path from 'node:path';
import { formatHubAddress, parseHubAddress, type HubAddress } from '../../contract/hub-address.ts';
import type { HubChoice, PublishedModel, PublishedModels } from '../../contract/hub-search.ts';
import { weightsName } from '../../core/formats/safetensors-reader.ts';
import { findCommit, listFiles } from './api.ts';
import { bytesOf, ggufSets } from './choose.ts';
import type { HubFile } from './hub-file.ts';
import { originalsOf, quantisedFrom, type Asking } from './search.ts';
import { AppError } from '../../contract/errors.ts';

/** Repositories whose listings are read: the most downloaded ones have every usual type. */
const mostListed = 6;

/** The models of a repository, smallest first. @throws HUB_NOT_FOUND, HUB_GATED, HUB_UNAVAILABLE, HUB_OFFLINE, CANCELLED */
export async function choicesOf({ settings, signal }: Asking, repository: string): Promise<HubChoice[]> {
  const address = parseHubAddress(`hub:${repository}`);
  if (settings.offline) {
    const message = `The files of hub:${repository} cannot be listed without the network (--offline, HF_HUB_OFFLINE or the settings).`;
    throw new AppError('HUB_OFFLINE', message, { address: `hub:${repository}` });
  }
  const commit = await findCommit(settings, address, signal);
  return choicesAmong(address, await listFiles(settings, { address, commit, signal }));
}

/**
 * Quantisations of a repository's model that others published, from the most downloaded repositories; one whose files cannot
 * be listed is left out.
 * @throws as searchHub, HUB_NOT_FOUND
 */
export async function publishedFor(asking: Asking, repository: string): Promise<PublishedModels> {
  const originals = await originalsOf(asking, repository);
  const found = await Promise.all(originals.map((original) => quantisedFrom(asking, original, mostListed)));
  const listed = found
    .flat()
    .toSorted((a, b) => b.downloads - a.downloads)
    .slice(0, mostListed);
  const models = await Promise.all(
    listed.map(async (from): Promise<PublishedModel[]> => {
      const choices = await choicesOf(asking, from.repository).catch((error: unknown) => unlessCancelled(error));
      const { downloads, gated } = from;
      return choices
        .filter(({ format }) => format === 'gguf')
        .map((choice) => ({ ...choice, repository: from.repository, downloads, gated }));
    }),
  );
  return { of: originals, models: models.flat().toSorted((a, b) => a.bytes - b.bytes) };
}

function unlessCancelled(error: unknown): [] {
  if (AppError.from(error).code === 'CANCELLED') throw error;
  return [];
}

/** What `chooseFiles` could choose, of the whole repository. */
export function choicesAmong(address: HubAddress, files: readonly HubFile[]): HubChoice[] {
  const sets = ggufSets(files).filter(({ files: found, count }) => found.length === count);
  const folder = safetensorsOf(files);
  const isOnly = sets.length === 1 && folder.length === 0;
  const gguf = sets.map((set): HubChoice => {
    const model = formatHubAddress({ ...address, file: isOnly ? null : set.name });
    return { model, format: 'gguf', file: set.name, bytes: bytesOf(set), files: set.files.length };
  });
  if (folder.length === 0) return gguf;
  const bytes = folder.reduce((sum, file) => sum + file.bytes, 0);
  return [
    ...gguf,
    {
      model: formatHubAddress({ ...address, file: null }),
      format: 'safetensors',
      file: '',
      bytes,
      files: folder.length,
    },
  ];
}

/**
 * Weights of the repository's own folder, by their names: the index that has the last word would have to be fetched. Shards
 * before one file, which beside shards is another form of the same model (consolidated.safetensors).
 */
function safetensorsOf(files: readonly HubFile[]): HubFile[] {
  if (!files.some(({ name }) => name === 'config.json')) return [];
  const own = files.filter(({ name }) => path.posix.dirname(name) === '.' && name.endsWith('.safetensors'));
  const shards = own.filter(({ name }) => /^model-\d{5}-of-\d{5}\.safetensors$/.test(name));
  if (shards.length > 0) return shards;
  const whole = own.filter(({ name }) => name === weightsName);
  const others = own.filter(({ name }) => !name.startsWith('adapter_'));
  if (whole.length > 0) return whole;
  return others.length === 1 ? others : [];
}
