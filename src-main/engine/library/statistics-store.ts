// Saved calibrations in the user data. FINGERPRINT/ is a finished one and is never changed. FINGERPRINT.part/ is being
// made: in it lies one file owner.PROCESS, and who renames that file to its own name owns the part (owner.nobody: nobody
// does).
// Several engines may use the store at once: every change of hands is one rename.
import {
  access,
  constants,
  copyFile,
  link,
  mkdir,
  readdir,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { checkStatistics, statisticsFiles } from '../../core/calibration/saved-statistics.ts';
import type { StatisticsFiles } from '../../core/calibration/saved-statistics.ts';
import { claimPart, releasePart } from '../../core/formats/part-files.ts';
import { isAlive, judge, processTag, readProcessTag, thisProcess } from '../../core/process-identity.ts';
import { isTouched, keepTouching } from '../../core/sign-of-life.ts';

/** Unfinished calibrations that nobody works on are kept this long. */
const unfinishedLifeMs = 7 * 24 * 3600 * 1000;

const ownerFile = /^owner\.(.+)$/;
const finished = /^[0-9a-f]{64}$/;
const unfinished = /^([0-9a-f]{64})\.part$/;
/** Folders that come or go; never read. */
const temporary = /\.([^.]+)\.temporary$/;

/** The store of `home`, or one in `scratch` that ends with the job where the user data cannot be written. */
export async function statisticsStore(home: string, scratch: string): Promise<StatisticsStore> {
  const saved = path.join(home, 'statistics');
  const isWritable = await mkdir(saved, { recursive: true })
    .then(() => access(saved, constants.W_OK))
    .then(
      () => true,
      () => false,
    );
  if (isWritable) return new StatisticsStore(saved);
  const ofJob = path.join(scratch, 'statistics');
  await mkdir(ofJob, { recursive: true });
  return new StatisticsStore(ofJob);
}

/** What the finished calibrations of `home` take. */
export async function statisticsUse(home: string): Promise<number> {
  const saved = path.join(home, 'statistics');
  const names = (await readdir(saved).catch(() => [])).filter((name) => finished.test(name));
  const sizes = await Promise.all(names.map((name) => contents(path.join(saved, name))));
  return sizes.flat().reduce((sum, { size }) => sum + size, 0);
}

/** A part that this process owns. */
export interface OwnedPart {
  folder: string;
  /** Makes it a finished calibration. */
  publish(): Promise<void>;
  /** Gives it up: for the next one to go on with, or for good. */
  release(keep: boolean): Promise<void>;
}

export class StatisticsStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Whether there is a finished calibration of this fingerprint. */
  async has(fingerprint: string): Promise<boolean> {
    return exists(this.#finished(fingerprint));
  }

  /** Notes the use of a finished calibration, then reads all of it once. @throws FILE_MALFORMED, FILE_NOT_FOUND when it is not whole */
  async check(fingerprint: string): Promise<void> {
    const now = new Date();
    await utimes(statisticsFiles(this.#finished(fingerprint)).gram, now, now);
    await checkStatistics(this.#finished(fingerprint), fingerprint);
  }

  /** Puts the files of a finished calibration into `target`, where nobody removes them. */
  async take(fingerprint: string, target: string): Promise<StatisticsFiles> {
    const [from, to] = [statisticsFiles(this.#finished(fingerprint)), statisticsFiles(target)];
    await mkdir(target, { recursive: true });
    for (const name of ['gram', 'importance'] as const) {
      await rm(to[name], { force: true });
      await link(from[name], to[name]).catch(() => copyFile(from[name], to[name])); // not every file system has links
    }
    return to;
  }

  async remove(fingerprint: string): Promise<void> {
    await removeAside(this.#finished(fingerprint));
  }

  /** Begins or takes over the unfinished calibration of a fingerprint; null while a living process has it. */
  async claim(fingerprint: string): Promise<OwnedPart | null> {
    const folder = this.#part(fingerprint);
    if (!claimPart(folder)) return null; // another job of this process
    try {
      if (await takeOwnership(folder)) return this.#owned(fingerprint, folder);
    } catch (error) {
      releasePart(folder);
      throw error;
    }
    releasePart(folder);
    return null;
  }

  /** Makes room: those that were not used for longest go first; never the calibration `used`, nor a part that a living process has. */
  async evict(used: string, limitBytes: number): Promise<void> {
    const names = await readdir(this.#root);
    for (const name of names) {
      const owner = readProcessTag(temporary.exec(name)?.[1] ?? '');
      if (owner && !isAlive(owner)) await rm(path.join(this.#root, name), { recursive: true, force: true });
    }
    for (const name of names) await this.#dropOldPart(unfinished.exec(name)?.[1]);
    const found = await Promise.all(names.filter((name) => finished.test(name)).map((name) => this.#measure(name)));
    let total = found.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { name, bytes } of found.toSorted((a, b) => a.usedAt - b.usedAt)) {
      if (total <= limitBytes) return;
      if (name === used) continue;
      await this.remove(name);
      total -= bytes;
    }
  }

  #finished(fingerprint: string): string {
    return path.join(this.#root, fingerprint);
  }

  #part(fingerprint: string): string {
    return path.join(this.#root, `${fingerprint}.part`);
  }

  #owned(fingerprint: string, folder: string): OwnedPart {
    const target = this.#finished(fingerprint);
    const endTouching = keepTouching(path.join(folder, ownedByUs));
    return {
      folder,
      publish: async () => {
        endTouching();
        await removeAside(target);
        await rename(folder, target);
        releasePart(folder);
        await rm(path.join(target, ownedByUs), { force: true });
      },
      release: async (keep) => {
        endTouching();
        if (keep) await rename(path.join(folder, ownedByUs), path.join(folder, ownedByNobody));
        else await removeAside(folder);
        releasePart(folder);
      },
    };
  }

  async #dropOldPart(fingerprint: string | undefined): Promise<void> {
    if (fingerprint === undefined) return;
    const folder = this.#part(fingerprint);
    const files = await contents(folder);
    const touched = Math.max(0, ...files.map(({ mtimeMs }) => mtimeMs));
    if (Date.now() - touched < unfinishedLifeMs) return;
    const part = await this.claim(fingerprint);
    await part?.release(false);
  }

  async #measure(name: string): Promise<{ name: string; bytes: number; usedAt: number }> {
    const files = await contents(this.#finished(name));
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    return { name, bytes, usedAt: Math.max(0, ...files.map(({ mtimeMs }) => mtimeMs)) };
  }
}

const ownedByUs = `owner.${processTag(thisProcess)}`;
const ownedByNobody = 'owner.nobody';

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

/** Sizes and times of the files in a folder; others may remove them meanwhile. */
async function contents(folder: string): Promise<{ size: number; mtimeMs: number }[]> {
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(names.map((name) => stat(path.join(folder, name)).catch(() => null)));
  return found.filter((file) => file !== null);
}

/** Makes the part with our owner file, or renames the owner file of a process that is gone to ours. */
async function takeOwnership(folder: string): Promise<boolean> {
  if (!(await exists(folder))) return makePart(folder);
  const names = await readdir(folder).catch(() => []);
  const owner = names.find((name) => ownerFile.test(name));
  if (owner === undefined) {
    await removeAside(folder); // no part of ours: it comes into being with its owner file
    return false;
  }
  const holder = readProcessTag(ownerFile.exec(owner)![1]!);
  const judged = holder && owner !== ownedByUs ? judge(holder) : 'gone';
  if (judged === 'alive' || (judged === 'unsure' && (await isTouched([path.join(folder, owner)])))) return false;
  // Of several that try, one finds the file.
  return rename(path.join(folder, owner), path.join(folder, ownedByUs)).then(
    () => true,
    () => false,
  );
}

/** A folder that appears with its owner file in it; false where another process was faster. */
async function makePart(folder: string): Promise<boolean> {
  const made = `${folder}.${processTag(thisProcess)}.temporary`;
  await mkdir(made, { recursive: true });
  await writeFile(path.join(made, ownedByUs), '');
  try {
    await rename(made, folder);
    return true;
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    if (await exists(folder)) return false;
    throw error;
  }
}

/** Removes a folder in one step for whoever looks; does nothing where it is gone. */
async function removeAside(folder: string): Promise<void> {
  const aside = `${folder}.${processTag(thisProcess)}.temporary`;
  const isMine = await rename(folder, aside).then(
    () => true,
    () => false,
  );
  if (isMine) await rm(aside, { recursive: true, force: true });
}
