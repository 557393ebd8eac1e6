// A part that outlives its process: it lies in a folder of the job and not beside its output, and with it a record of how
// far it is finished. The next process takes it over where its beginning is still what the record says.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, readdir, rename, rm, truncate } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { isAlive, isElsewhere, readProcessTag, tagPattern } from '../process-identity.ts';
import { partPath } from './part-files.ts';

export interface KeptPart {
  /** The job's; made where it is not there, and gone when the file has its name. */
  folder: string;
  /** Of all that decides the file's bytes. */
  key: string;
}

const record = z.object({
  key: z.string(),
  /** Finished pieces of the file, such as tensors. */
  pieces: z.number().int().min(0),
  /** Where they end, and the checksum of all before. */
  bytes: z.number().int().min(0),
  sha256: z.string(),
});
export type PartRecord = z.infer<typeof record>;

/** What a dead process finished of a part, and the hash of it. */
export interface TakenPart extends PartRecord {
  hash: Hash;
}

const recordPath = (folder: string): string => path.join(folder, 'record.json');
const partEnding = new RegExp(String.raw`^file\.(${tagPattern})\.part$`);

/** Where this process writes the part. */
export const keptPartPath = ({ folder }: KeptPart): string => partPath(path.join(folder, 'file'));

/** Makes the folder. Answers whether a part in it can become `output` by a rename: not where that is on another disk. */
export async function canKeep({ folder }: KeptPart, output: string): Promise<boolean> {
  // Beside the output under the name of its part, which whoever sweeps there knows, and which is not there yet.
  const [probe, target] = [partPath(path.join(folder, 'probe')), partPath(output)];
  try {
    await mkdir(folder, { recursive: true });
    await (await open(probe, 'w')).close();
    await rename(probe, target);
    return true;
  } catch {
    return false;
  } finally {
    await rm(probe, { force: true });
    await rm(target, { force: true });
  }
}

/**
 * Makes what a dead process left of the same file the part `own`, cut where it was finished; null where there is nothing
 * that can be used, and then nothing is left. Reads all of it.
 */
export async function takeOver(kept: KeptPart, own: string): Promise<TakenPart | null> {
  const told = await readRecord(kept.folder);
  const left = await deadParts(kept.folder);
  const [part] = left;
  if (told?.key === kept.key && part !== undefined && left.length === 1) {
    const hash = await hashOf(part, told.bytes);
    if (hash.copy().digest('hex') === told.sha256) {
      await rename(part, own);
      await truncate(own, told.bytes);
      return { ...told, hash };
    }
  }
  for (const file of [...left, recordPath(kept.folder)]) await rm(file, { force: true });
  return null;
}

/** Replaces the record by a rename; after a power cut it may tell of bytes that are not there, which their checksum shows. */
export async function writeRecord(folder: string, value: PartRecord): Promise<void> {
  const part = partPath(recordPath(folder));
  const file = await open(part, 'w');
  await file.writeFile(JSON.stringify(value)).finally(() => file.close());
  await rename(part, recordPath(folder));
}

async function readRecord(folder: string): Promise<PartRecord | null> {
  const text = await readFile(recordPath(folder), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return record.parse(JSON.parse(text));
  } catch {
    return null; // torn by a power cut: the file is begun anew
  }
}

async function deadParts(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names.flatMap((name) => {
    const owner = readProcessTag(partEnding.exec(name)?.[1] ?? '');
    if (owner === null) return [];
    // Whoever has the job's folder was given the job: one of another container, of which nothing else can be told, had it before.
    return owner.pid === process.pid || isElsewhere(owner) || !isAlive(owner) ? [path.join(folder, name)] : [];
  });
}

async function hashOf(file: string, bytes: number): Promise<Hash> {
  const hash = createHash('sha256');
  if (bytes > 0) for await (const chunk of createReadStream(file, { end: bytes - 1 })) hash.update(chunk as Buffer);
  return hash;
}
