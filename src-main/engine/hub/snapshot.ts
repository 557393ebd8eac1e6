// From an address to the commit it means now, the files it needs, and whether they are here already.
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { formatHubAddress, parseHubAddress, type HubAddress } from '../../contract/hub-address.ts';
import { isJsonObject, readJsonFile } from '../../core/formats/json-object.ts';
import { fileUrl, findCommit, listFiles, pageOf } from './api.ts';
import { chooseFiles, type Choice } from './choose.ts';
import { boundedCompanions, requireSmall } from './companions.ts';
import { downloadFile, isPresent, type DownloadRequest } from './download-file.ts';
import type { HubFile } from './hub-file.ts';
import type { KeptBlocks } from './kept-blocks.ts';
import { partBytes } from './part-folder.ts';
import type { HubSettings } from './settings.ts';
import { requireRoom, type FreeBytes } from './space.ts';
import { HubStore, isCommit } from './store.ts';

/** What opening a model on a hub takes. */
export interface Hub {
  settings: HubSettings;
  /** Where models are kept. */
  folder: string;
  signal: AbortSignal;
  warn: (warning: string) => void;
  /** What was read of files before. @default nothing */
  blocks?: KeptBlocks;
  /** @default what the system says */
  free?: FreeBytes;
}

export interface Snapshot {
  address: HubAddress;
  commit: string;
  choice: Choice;
  /** All files that the model needs. */
  files: HubFile[];
  /** Where they are, or will be. */
  folder: string;
  /** Path that opens the model, once all files are here. */
  model: string;
  /** Bytes that came over the network to choose the files. */
  fetchedBytes: number;
}

/**
 * Finds out what an address means. Asks the hub, but where the revision is a commit that is known here or the hub is not to
 * be asked; where the hub does not answer and the model is here, that serves, with a warning.
 * @throws USAGE, HUB_NOT_FOUND, HUB_GATED, HUB_UNAVAILABLE, HUB_OFFLINE, CANCELLED; FILE_MALFORMED, DISK_FULL
 */
export async function openSnapshot(hub: Hub, text: string): Promise<Snapshot> {
  const address = parseHubAddress(text);
  const store = new HubStore(hub.folder, address);
  if (hub.settings.offline) return openKnown(hub, store, address);
  try {
    const commit = isCommit(address.revision) ? address.revision : await findCommit(hub.settings, address, hub.signal);
    const known = await store.knownFiles(commit);
    const files = known ?? (await listFiles(hub.settings, { address, commit, signal: hub.signal }));
    await store.keep(address.revision, commit, files);
    return await snapshotOf(hub, store, { address, commit, files });
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'HUB_UNAVAILABLE')) throw error;
    const snapshot = await openKnown(hub, store, address).catch(() => null);
    if (snapshot === null) throw error;
    hub.warn(`${error.message} Commit ${snapshot.commit} of ${formatHubAddress(address)} is here and was used.`);
    return snapshot;
  }
}

/** Where a file of a snapshot comes from and goes to. */
export function requestFor(
  hub: Hub,
  { address, commit, folder }: Pick<Snapshot, 'address' | 'commit' | 'folder'>,
  file: HubFile,
): Omit<DownloadRequest, 'onBytes'> {
  return {
    file,
    url: fileUrl(hub.settings, address, commit, file.name),
    target: path.join(folder, file.name),
    wanted: { what: formatHubAddress({ ...address, file: file.name }), page: pageOf(hub.settings, address) },
    signal: hub.signal,
  };
}

/** Files of a snapshot that are not here. */
export async function missingFiles({ files, folder }: Pick<Snapshot, 'files' | 'folder'>): Promise<HubFile[]> {
  const present = await Promise.all(files.map((file) => isPresent(path.join(folder, file.name), file)));
  return files.filter((_, index) => !present[index]);
}

/** Room that `files` take beyond what is there of them. */
export async function neededBytes(folder: string, files: readonly HubFile[]): Promise<number> {
  const left = files.map(async ({ name, bytes }) => Math.max(0, bytes - (await partBytes(path.join(folder, name)))));
  return (await Promise.all(left)).reduce((sum, bytes) => sum + bytes, 0);
}

/** From what earlier runs left, without the network. @throws HUB_OFFLINE unless all of it is here */
async function openKnown(hub: Hub, store: HubStore, address: HubAddress): Promise<Snapshot> {
  const commit = await store.knownCommit(address.revision);
  const files = commit === null ? null : await store.knownFiles(commit);
  if (commit === null || files === null) throw notHere(address, 'it was never asked for on this machine');
  const offline = { ...hub, settings: { ...hub.settings, offline: true } };
  const snapshot = await snapshotOf(offline, store, { address, commit, files });
  const missing = await missingFiles(snapshot);
  if (missing.length === 0) return snapshot;
  throw notHere(
    address,
    `${missing.length} of its ${snapshot.files.length} files are not here, ${missing[0]!.name} among them`,
  );
}

async function snapshotOf(
  hub: Hub,
  store: HubStore,
  { address, commit, files }: { address: HubAddress; commit: string; files: HubFile[] },
): Promise<Snapshot> {
  const folder = store.folder(address, commit);
  let fetchedBytes = 0;
  const chosen = await chooseFiles(address, files, async (index) => {
    requireSmall(formatHubAddress(address), index);
    const request = requestFor(hub, { address, commit, folder }, index);
    const missing = await missingFiles({ files: [index], folder });
    if (hub.settings.offline && missing.length > 0) throw notHere(address, `${index.name} is not here`);
    await requireRoom(address, [{ folder, bytes: await neededBytes(folder, missing) }], hub.free);
    fetchedBytes += await downloadFile(hub.settings, { ...request, onBytes: () => {} });
    return indexedNames(request.target);
  });
  const companions = boundedCompanions(formatHubAddress(address), chosen.companions, hub.warn);
  const choice = { ...chosen, companions };
  const needed = [...choice.companions, ...choice.weights];
  return { address, commit, choice, files: needed, folder, model: path.join(folder, choice.entry), fetchedBytes };
}

async function indexedNames(file: string): Promise<string[]> {
  const { weight_map: map } = await readJsonFile(file);
  return isJsonObject(map) ? [...new Set(Object.values(map).map(String))] : [];
}

function notHere(address: HubAddress, why: string): AppError {
  const message = `${formatHubAddress(address)} cannot be opened without the network: ${why}. Run it once without --offline and HF_HUB_OFFLINE.`;
  return new AppError('HUB_OFFLINE', message, { address: formatHubAddress(address), reason: why });
}
