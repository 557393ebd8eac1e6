// A model on a hub as it can be inspected and planned: its small files whole, and of its weights the headers, each on a
// file of full size whose tensors are a hole. Only the last norm is filled in, which decides whether a tied output layer
// survives slicing. Everything that opens a model opens an outline; whoever reads weights reads zeros.
import { copyFile, mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import type { HubModel } from '../../contract/hub-model.ts';
import { openDecoder } from '../../core/architectures/decoder.ts';
import { graphRefusal } from '../../core/architectures/graph-refusal.ts';
import { readGgufHeader } from '../../core/formats/gguf-header.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { readSafetensorsHeader } from '../../core/formats/safetensors-header.ts';
import { writeSparse } from '../../core/formats/sparse-file.ts';
import type { TensorEntry } from '../../core/formats/tensor.ts';
import type { HubFile } from './hub-file.ts';
import { downloadFile } from './download-file.ts';
import { describeSnapshot } from './fetch-model.ts';
import { remoteSource, type RemoteSource } from './remote-source.ts';
import { missingFiles, neededBytes, requestFor, type Hub, type Snapshot } from './snapshot.ts';
import { requireRoom } from './space.ts';

export interface OpenedOutline {
  /** Opens the model: whole where it is on this machine, its outline else. */
  model: string;
  /** What a result says of it. */
  used: HubModel;
  /** Of its files, what is not on this machine. */
  missingBytes: number;
}

/** A vocabulary has its tokens and merges in the header: most headers fit after one or two steps. */
const firstWindow = 256 * 2 ** 10;
/** Shards whose headers are read side by side. */
const sideBySide = 4;

/**
 * Makes what can be inspected and planned of a snapshot, without its weights, in a folder inside `scratch`.
 * @throws as downloadFile; FILE_MALFORMED; DISK_FULL before the small files come, and before headers are written
 */
export async function openOutline(hub: Hub, snapshot: Snapshot, scratch: string): Promise<OpenedOutline> {
  const missing = await missingFiles(snapshot);
  const missingBytes = missing.reduce((sum, { bytes }) => sum + bytes, 0);
  if (missing.length === 0) {
    const { model, fetchedBytes } = snapshot;
    return { model, missingBytes, used: describeSnapshot(snapshot, { path: model, fetchedBytes }) };
  }
  // The name is the repository's: inspection and conversion tell it from the folder.
  const folder = path.join(scratch, `outline-${outlines++}`, snapshot.address.name);
  let { fetchedBytes } = snapshot;
  await requireCompanionRoom(hub, snapshot, folder);
  for (const file of snapshot.choice.companions) fetchedBytes += await placeCompanion(hub, snapshot, { file, folder });
  const weights = await outlineWeights(hub, snapshot, folder);
  const model = path.join(folder, snapshot.choice.entry);
  await fillLastNorm(model, weights);
  fetchedBytes += weights.reduce((sum, { source }) => sum + source.fetchedBytes, 0);
  return { model, missingBytes, used: describeSnapshot(snapshot, { path: null, fetchedBytes }) };
}

let outlines = 0;

/** Small files come to where models are kept, and their copies to the outline. */
async function requireCompanionRoom(hub: Hub, snapshot: Snapshot, outline: string): Promise<void> {
  const { address, folder, choice } = snapshot;
  const missing = await missingFiles({ files: choice.companions, folder });
  const copies = choice.companions.reduce((sum, { bytes }) => sum + bytes, 0);
  const needs = [
    { folder, bytes: await neededBytes(folder, missing) },
    { folder: outline, bytes: copies },
  ];
  await requireRoom(address, needs, hub.free);
}

/** Small files are kept: a later download has them already. */
async function placeCompanion(
  hub: Hub,
  snapshot: Snapshot,
  { file, folder }: { file: HubFile; folder: string },
): Promise<number> {
  const request = requestFor(hub, snapshot, file);
  const fetched = await downloadFile(hub.settings, { ...request, onBytes: () => {} });
  const target = path.join(folder, file.name);
  await mkdir(path.dirname(target), { recursive: true });
  await copyFile(request.target, target);
  return fetched;
}

interface OutlinedWeights {
  target: string;
  source: RemoteSource;
  tensors: readonly TensorEntry[];
  /** Where the header ends. */
  end: number;
}

/** Reads all headers, checked, then writes each with a hole behind it: so it is known before what they take. */
async function outlineWeights(hub: Hub, snapshot: Snapshot, folder: string): Promise<OutlinedWeights[]> {
  const left = [...snapshot.choice.weights];
  const outlined: OutlinedWeights[] = [];
  const work = async (): Promise<void> => {
    for (let file = left.shift(); file; file = left.shift()) {
      const source = remoteSource(hub.settings, requestFor(hub, snapshot, file), hub.blocks);
      const { tensors } =
        snapshot.choice.kind === 'gguf'
          ? await readGgufHeader(source, { firstWindow })
          : await readSafetensorsHeader(source);
      const end = tensors.reduce((first, { offset }) => Math.min(first, offset), source.size);
      outlined.push({ target: path.join(folder, file.name), source, tensors, end });
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, work));
  const bytes = outlined.reduce((sum, { end }) => sum + end, 0);
  await requireRoom(snapshot.address, [{ folder, bytes }], hub.free);
  for (const { target, source, end } of outlined) {
    await mkdir(path.dirname(target), { recursive: true });
    await writeSparse(target, source.size, async (write) => write(await source.read(0, end), 0));
  }
  return outlined;
}

/** Reads the last norm, which planning a slice looks at, into the outline of a model that has graphs. */
async function fillLastNorm(model: string, weights: readonly OutlinedWeights[]): Promise<void> {
  const source = await openModel(model);
  try {
    if (graphRefusal(source) !== null) return;
    const { name } = openDecoder(source).finalNorm;
    for (const { target, source: remote, tensors } of weights) {
      const entry = tensors.find((tensor) => tensor.name === name);
      if (entry) await writeAt(target, await remote.read(entry.offset, entry.bytes), entry.offset);
    }
  } finally {
    await source.close();
  }
}

async function writeAt(target: string, content: Uint8Array, offset: number): Promise<void> {
  const file = await open(target, 'r+').catch((error: unknown) => {
    throw AppError.from(error);
  });
  try {
    await file.write(content, 0, content.length, offset);
  } finally {
    await file.close();
  }
}
