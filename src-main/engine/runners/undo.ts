// Takes out what an export placed, as far as it is still that. What changed since, or is the last name of a model, is left
// and told.
import { lstat, readFile, readlink, rm, rmdir } from 'node:fs/promises';
import { AppError } from '../../contract/errors.ts';
import type { PlacedFile, UndoResult } from '../../contract/runners.ts';
import type { Install, InstallFile, Installs } from '../catalog/installs.ts';
import { removeFromOllama } from './ollama.ts';
import type { Places } from './places.ts';
import { inodeOf, isUnchanged, sha256Of } from './placed-identity.ts';

type Undone = UndoResult['undone'][number];

interface UndoContext {
  installs: Installs;
  places: Places;
  signal: AbortSignal;
}

export async function undoInstall(install: Install, context: UndoContext): Promise<Undone> {
  const undone: Undone = { target: install.target, removed: [], left: [] };
  const gone: string[] = [];
  const files = install.files.filter(({ how }) => how !== 'folder');
  for (const file of [...files].sort((a, b) => Number(b.how === 'model') - Number(a.how === 'model'))) {
    context.signal.throwIfAborted();
    const reason = await removeOne(file, install.target, context);
    if (reason === null) {
      gone.push(file.path);
      undone.removed.push({ path: file.path, how: file.how as PlacedFile['how'], bytes: file.bytes });
    } else undone.left.push({ path: file.path, reason });
    context.installs.removed(install.id, gone.slice(-1));
  }
  for (const { path: folder } of install.files.filter(({ how }) => how === 'folder').toReversed())
    await rmdir(folder).catch(() => {}); // someone else's files keep it
  return undone;
}

/** Why it was left; null where it is gone. */
async function removeOne(file: InstallFile, target: string, { places, signal }: UndoContext): Promise<string | null> {
  if (file.how === 'model') return removeFromOllama(file, places, signal);
  try {
    const reason = await changed(file, target);
    if (reason === 'gone') return null;
    if (reason === null) await rm(file.path);
    return reason;
  } catch (error) {
    return AppError.from(error).message;
  }
}

/** Why a placed file is not removed; null where it is what was placed. */
async function changed(file: InstallFile, target: string): Promise<string | null> {
  const found = await lstat(file.path, { bigint: true }).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  });
  if (!found) return 'gone';
  switch (file.how) {
    case 'symbolic':
      return found.isSymbolicLink() && (await readlink(file.path)) === file.link ? null : 'it is another file by now';
    case 'hard':
      if (inodeOf(found) !== file.inode) return 'it is another file by now';
      if (target === 'ollama') return "another model of Ollama uses it, or Ollama's model was left";
      return found.nlink > 1n ? null : 'the original is gone: this is the last name of the model';
    case 'copy':
      return isUnchanged(file, found) ? null : 'it was changed since';
    default:
      return sha256Of(await readFile(file.path, 'utf8')) === file.sha256 ? null : 'it was changed since';
  }
}
