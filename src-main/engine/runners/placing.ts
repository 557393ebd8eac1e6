// Places what an export planned, or nothing: first everything is looked at, then written, and what was written is taken
// back where something fails. A user's file is never written over.
import { createHash } from 'node:crypto';
import { link, lstat, mkdir, open, readFile, realpath, rename, rm, rmdir, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { formatFileSize } from '../../contract/units.ts';
import { requireSpace } from '../../core/formats/disk-space.ts';
import { processTag, thisProcess } from '../../core/process-identity.ts';
import type { InstallFile } from '../catalog/installs.ts';
import { inodeOf, isUnchanged, sha256Of } from './placed-identity.ts';
import type { ExportContext, PlacementPlan, PlannedText } from './runner.ts';

export interface Placed extends InstallFile {
  /** It was there before this export. */
  already: boolean;
}

/** @throws OUTPUT_EXISTS, LINK_IMPOSSIBLE, NOT_WRITABLE, DISK_FULL, CANCELLED; then nothing is left of it */
export async function place(plan: PlacementPlan, context: ExportContext): Promise<Placed[]> {
  const links = await Promise.all(plan.links.map(async (one) => ({ ...one, there: await linkThere(one, context) })));
  const texts = await Promise.all(plan.texts.map((text) => textThere(text, context)));
  const placed: Placed[] = [];
  try {
    for (const { from, to, there } of links) {
      if (there) placed.push({ ...there, already: true });
      else placed.push(...(await placeFile({ from, to }, context)));
    }
    for (const text of texts) placed.push(...(await placeText(text)));
    const finished = plan.finish ? await plan.finish() : null;
    if (finished) placed.push({ ...finished, already: false });
    return placed;
  } catch (error) {
    await takeBack(placed);
    throw error;
  }
}

/** Removes what was just placed, newest first. */
async function takeBack(placed: readonly Placed[]): Promise<void> {
  for (const { path: made, how, already } of placed.toReversed()) {
    if (already || how === 'model') continue;
    if (how === 'folder') await rmdir(made).catch(() => {}); // not empty: someone else uses it by now
    else await rm(made, { force: true });
  }
}

interface Link {
  from: string;
  to: string;
}

/** What lies at a link's place already where it is the same model; null where nothing does. @throws OUTPUT_EXISTS */
async function linkThere({ from, to }: Link, { installs }: ExportContext): Promise<InstallFile | null> {
  const found = await lstat(to, { bigint: true }).catch(() => null);
  if (!found) return null;
  const source = await stat(from, { bigint: true });
  const bytes = Number(source.size);
  const base = { path: to, bytes, modified: null, sha256: null };
  if (found.isSymbolicLink() && (await realpath(to).catch(() => null)) === from)
    return { ...base, how: 'symbolic', inode: null, link: from };
  if (inodeOf(found) === inodeOf(source)) return { ...base, how: 'hard', inode: inodeOf(found), link: null };
  const earlier = installs.at(to);
  if (
    earlier?.how === 'copy' &&
    earlier.link === from &&
    isUnchanged(earlier, found) &&
    found.mtimeMs >= source.mtimeMs
  )
    return earlier;
  if (earlier === null) throw taken(to);
  throw taken(to, 'an earlier export placed it. Take that out with snug export RUN|FILE --undo, or choose');
}

const taken = (to: string, why = 'it is another file. Choose'): AppError =>
  new AppError('OUTPUT_EXISTS', `${to} is there already: ${why} another name with --name, or another folder.`, {
    output: to,
  });

async function placeFile({ from, to }: Link, context: ExportContext): Promise<Placed[]> {
  const made = await makeFolder(path.dirname(to));
  try {
    const file = await linkOrCopy({ from, to }, context);
    return [...made, { ...file, already: false }];
  } catch (error) {
    await takeBack(made);
    throw writeError(error, to);
  }
}

async function linkOrCopy(one: Link, context: ExportContext): Promise<InstallFile> {
  if (context.link === 'copy') return copy(one, context);
  const bytes = (await stat(one.from)).size;
  const base = { path: one.to, bytes, modified: null, sha256: null };
  const kinds = context.link === null ? (['hard', 'symbolic'] as const) : [context.link];
  const reasons: string[] = [];
  for (const how of kinds) {
    try {
      if (how === 'symbolic') {
        await symlink(one.from, one.to, 'file');
        return { ...base, how, inode: null, link: one.from };
      }
      await link(one.from, one.to);
      return { ...base, how, inode: inodeOf(await stat(one.to, { bigint: true })), link: null };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (!cannotLink.has(code ?? '')) throw error;
      reasons.push(`${how}: ${code === 'EXDEV' ? 'it lies on another disk' : code}`);
    }
  }
  const size = formatFileSize(bytes);
  const reason = reasons.join(', ');
  const message = `${one.from} cannot be linked to ${one.to} (${reason}), and a copy would take ${size} more. Add --link copy to make it.`;
  throw new AppError('LINK_IMPOSSIBLE', message, { path: one.to, bytes, reason });
}

/** What systems answer where a link of a kind cannot be: link(2), symlink(2); EPERM also where Windows allows none. */
const cannotLink = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'UNKNOWN']);

const copyChunk = 8 * 2 ** 20;

/** Copies under another name first, so that a copy is whole once it has its own. */
async function copy({ from, to }: Link, { signal, progress }: ExportContext): Promise<InstallFile> {
  const part = `${to}.${processTag(thisProcess)}.part`;
  const source = await open(from, 'r');
  try {
    const { size } = await source.stat();
    await requireSpace(to, size);
    const target = await open(part, 'wx');
    const hash = createHash('sha256');
    try {
      const chunk = Buffer.allocUnsafe(copyChunk);
      for (let done = 0; done < size;) {
        signal.throwIfAborted();
        const { bytesRead } = await source.read(chunk, 0, copyChunk, done);
        if (bytesRead === 0) break;
        hash.update(chunk.subarray(0, bytesRead));
        await target.appendFile(chunk.subarray(0, bytesRead));
        done += bytesRead;
        progress({ stage: 'copy', detail: path.basename(to), done, total: size, unit: 'bytes' });
      }
      await target.sync();
    } finally {
      await target.close();
    }
    await giveName(part, to);
    const found = await stat(to, { bigint: true });
    const known = {
      bytes: Number(found.size),
      modified: Number(found.mtimeMs),
      sha256: hash.digest('hex'),
      link: from,
    };
    return { path: to, how: 'copy', inode: inodeOf(found), ...known };
  } finally {
    await source.close();
    await rm(part, { force: true });
  }
}

/** A rename would replace what got the name meanwhile; a link does not. */
async function giveName(part: string, to: string): Promise<void> {
  try {
    await link(part, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!cannotLink.has(code ?? '')) throw error;
    if (await lstat(to).catch(() => null)) throw taken(to);
    await rename(part, to);
  }
}

interface TextPlace extends Pick<PlannedText, 'path' | 'text'> {
  /** The same text is there; one of Snug's, unchanged, is there. */
  there: 'same' | 'ours' | null;
}

/** @throws OUTPUT_EXISTS where a user's file has the name, and the other one too */
async function textThere({ path: to, text, otherwise }: PlannedText, context: ExportContext): Promise<TextPlace> {
  const found = await readFile(to, 'utf8').catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw code === 'EISDIR' ? taken(to) : writeError(error, to);
  });
  if (found === null) return { path: to, text, there: null };
  if (found === text) return { path: to, text, there: 'same' };
  if (context.installs.at(to)?.sha256 === sha256Of(found)) return { path: to, text, there: 'ours' };
  if (otherwise === undefined) throw taken(to);
  return textThere({ path: otherwise, text }, context);
}

async function placeText({ path: to, text, there }: TextPlace): Promise<Placed[]> {
  const bytes = Buffer.byteLength(text);
  const written = { path: to, how: 'written', bytes, inode: null, modified: null, link: null } as const;
  const file = { ...written, sha256: sha256Of(text) };
  if (there === 'same') return [{ ...file, already: true }];
  const made = await makeFolder(path.dirname(to));
  const part = `${to}.${processTag(thisProcess)}.part`;
  try {
    const target = await open(part, 'wx');
    try {
      await target.writeFile(text);
      await target.sync();
    } finally {
      await target.close();
    }
    if (there === 'ours') await rename(part, to);
    else await giveName(part, to);
    return [...made, { ...file, already: false }];
  } catch (error) {
    await takeBack(made);
    throw writeError(error, to);
  } finally {
    await rm(part, { force: true });
  }
}

/** Makes a folder with those it lies in; answers with the ones that were not there, outermost first. */
async function makeFolder(folder: string): Promise<Placed[]> {
  const missing: string[] = [];
  for (let one = folder; !(await lstat(one).catch(() => null)); one = path.dirname(one)) missing.unshift(one);
  const made: Placed[] = [];
  const known = { how: 'folder', bytes: 0, inode: null, modified: null, sha256: null, link: null } as const;
  try {
    // One by one: a recursive mkdir never ends where the system answers ENOENT to every try, as in /proc.
    for (const one of missing) {
      await mkdir(one);
      made.push({ path: one, ...known, already: false });
    }
    return made;
  } catch (error) {
    await takeBack(made);
    throw writeError(error, folder);
  }
}

const cannotWrite = new Set(['EACCES', 'EROFS', 'EPERM', 'ENOTDIR', 'ENOENT']);

/** Of a place where nothing can be written, a missing permission is told as that. */
function writeError(error: unknown, to: string): AppError {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EEXIST') return taken(to);
  if (!cannotWrite.has(code ?? '')) return AppError.from(error);
  const said = `${path.dirname(to)} cannot be written to: ${message}. Nothing was placed.`;
  return new AppError('NOT_WRITABLE', said, { path: to, systemCode: code }, error);
}
