// An unfinished download: the folder NAME.PROCESS.part with the bytes so far (data) and which of them are there
// (state.json). One process owns it, and its name says which; the process 0 is nobody. A folder is taken over with what it holds by
// renaming it, which only one process can do. Where the identity of a process does not tell whether it lives, an owner
// that works shows itself by the folder's time.
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import { claimPart, partPath, releasePart } from '../../core/formats/part-files.ts';
import { isElsewhere, judge, processTag, readProcessTag, type ProcessIdentity } from '../../core/process-identity.ts';
import type { HubFile } from './hub-file.ts';
import { areRanges, type ByteRange } from './ranges.ts';

const heartbeatMs = 5000;
/** An owner that was silent for this long is gone, whatever its id says. */
const silenceMs = 60_000;
const lookAgainMs = 300;

const stateForm = z.object({
  bytes: z.number().int().nonnegative(),
  sha256: z.string().nullable(),
  blob: z.string(),
  done: z.array(z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()])),
});

export class PartFolder {
  readonly #target: string;
  readonly #folder: string;
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(target: string) {
    this.#target = target;
    this.#folder = partPath(target);
    this.#heartbeat = setInterval(() => {
      const now = new Date();
      utimes(this.#folder, now, now).catch(() => undefined);
    }, heartbeatMs).unref();
  }

  /** Owns the part of `target`, taking over what nobody works at; null where another made the file meanwhile. */
  static async own(
    target: string,
    { isMade, signal }: { isMade: () => Promise<boolean>; signal: AbortSignal },
  ): Promise<PartFolder | null> {
    await mkdir(path.dirname(target), { recursive: true });
    const own = partPath(target);
    for (;;) {
      signal.throwIfAborted();
      if (claimPart(own)) {
        try {
          const isHere = await isMade();
          if (!isHere && (await takeOver(target))) return new PartFolder(target);
          if (isHere) {
            releasePart(own);
            return null;
          }
        } catch (error) {
          releasePart(own);
          throw error;
        }
        releasePart(own);
      }
      // Not all at one moment: two that stepped back would meet again.
      await sleep(lookAgainMs * (0.5 + Math.random()), undefined, { signal });
    }
  }

  get data(): string {
    return path.join(this.#folder, 'data');
  }

  /** The bytes that are there, of this very content; none where the state is of another or cannot be read. */
  async load(file: HubFile): Promise<ByteRange[]> {
    const text = await readFile(path.join(this.#folder, 'state.json'), 'utf8').catch(() => '');
    const state = stateForm.safeParse(jsonOf(text)).data;
    const isSame = state?.bytes === file.bytes && state.sha256 === file.sha256 && state.blob === file.blob;
    const size = await stat(this.data).then(
      (found) => found.size,
      () => -1,
    );
    if (isSame && size === file.bytes && areRanges(state.done, size)) return state.done;
    await this.clear();
    return [];
  }

  async save({ bytes, sha256, blob }: HubFile, done: readonly ByteRange[]): Promise<void> {
    const next = path.join(this.#folder, 'state.next');
    await writeFile(next, JSON.stringify({ bytes, sha256, blob, done }));
    await rename(next, path.join(this.#folder, 'state.json'));
  }

  /** Forgets what was downloaded. */
  async clear(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
    await mkdir(this.#folder);
  }

  /** Gives the data its name. */
  async finish(): Promise<void> {
    await rename(this.data, this.#target);
    await this.#end(async () => {
      for (const part of await partsOf(this.#target))
        if (part.path === this.#folder || !(await isBusy(part))) await rm(part.path, { recursive: true, force: true });
    });
  }

  /** Leaves what is there to whoever goes on. */
  async leave(): Promise<void> {
    await this.#end(() => rename(this.#folder, nobodysPart(this.#target)).catch(() => undefined));
  }

  async #end(last: () => Promise<unknown>): Promise<void> {
    clearInterval(this.#heartbeat);
    await last();
    releasePart(this.#folder);
  }
}

/** Bytes of an unfinished download that need no more space, in whoever's hands. */
export async function partBytes(target: string): Promise<number> {
  const sizes = (await partsOf(target)).map(async (part) => {
    // What is allocated: the file has its full length from the start.
    const found = await stat(path.join(part.path, 'data')).catch(() => null);
    return found === null ? 0 : found.blocks * 512;
  });
  return Math.max(0, ...(await Promise.all(sizes)));
}

const nobodysPart = (target: string): string => `${target}.${processTag({ pid: 0, startTime: null })}.part`;

interface Part {
  path: string;
  owner: ProcessIdentity;
}

async function partsOf(target: string): Promise<Part[]> {
  const prefix = `${path.basename(target)}.`;
  const names = await readdir(path.dirname(target)).catch(() => []);
  return names.flatMap((name) => {
    const tag = name.startsWith(prefix) && name.endsWith('.part') ? name.slice(prefix.length, -'.part'.length) : '';
    const owner = readProcessTag(tag);
    return owner === null ? [] : [{ path: path.join(path.dirname(target), name), owner }];
  });
}

/** Whether this process has the part's folder now; false: look again. */
async function takeOver(target: string): Promise<boolean> {
  const own = partPath(target);
  const others = await othersOf(target);
  if (others.some((part) => part.isBusy)) return false;
  if (!(await exists(own))) {
    const [orphan] = others;
    const taken = orphan
      ? await rename(orphan.path, own).then(
          () => true,
          () => false,
        )
      : await mkdir(own).then(() => true);
    if (!taken) return false;
  }
  // Looked at again: of two that begin at one moment, at least one sees the other here and steps back.
  const rivals = await othersOf(target);
  if (!rivals.some((part) => part.isBusy)) return true;
  await rename(own, nobodysPart(target)).catch(() => rm(own, { recursive: true, force: true }));
  return false;
}

async function othersOf(target: string): Promise<(Part & { isBusy: boolean })[]> {
  const others = (await partsOf(target)).filter((part) => part.path !== partPath(target));
  return Promise.all(others.map(async (part) => ({ ...part, isBusy: await isBusy(part) })));
}

async function isBusy({ path: folder, owner }: Part): Promise<boolean> {
  if (owner.pid === 0 || (owner.pid === process.pid && !isElsewhere(owner))) return false;
  const judged = judge(owner);
  if (judged !== 'unsure') return judged === 'alive';
  const found = await stat(folder).catch(() => null);
  return found !== null && Date.now() - found.mtimeMs < silenceMs;
}

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw AppError.from(error);
    },
  );

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
