// The library of models: what runs worked on and what they made, as the history knows it, and what of it is still there.
import { existsSync, lstatSync } from 'node:fs';
import path from 'node:path';
import type { LibraryModel, ModelLibrary } from '../../contract/history.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { isOnnxFile } from '../../core/formats/model-source.ts';
import type { KnownSource, MadeModel } from '../catalog/history.ts';
import type { HeldFile } from '../catalog/installs.ts';
import { isUnchanged } from '../runners/placed-identity.ts';

/** Every model once, by its path; of several runs that wrote one file, the last made it. */
export function listModels({ history, installs }: Pick<Catalog, 'history' | 'installs'>): ModelLibrary {
  const held = Map.groupBy(installs.held(), ({ file }) => file);
  const models = new Map<string, LibraryModel>();
  for (const made of history.made())
    if (!models.has(made.path) && !isSource(made)) models.set(made.path, madeModel(made, held.get(made.path) ?? []));
  for (const source of history.sources()) {
    const known = models.get(source.path);
    models.set(source.path, known ? { ...known, runs: source.runs } : sourceModel(source));
  }
  const listed = [...models.values()];
  const madeBytes = listed
    .filter(({ madeBy, present, heldAt }) => madeBy !== null && (present || heldAt !== null))
    .reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  return { models: listed, madeBytes };
}

/** A fit whose source fits as it is tells the source as its file. */
const isSource = ({ path: file, parent }: MadeModel): boolean => path.resolve(file) === path.resolve(parent);

function madeModel(made: MadeModel, held: readonly HeldFile[]): LibraryModel {
  const { path: file, bytes, state, run, verb, method, loss, parent, seen } = made;
  const present = state === 'present' && path.isAbsolute(file) && existsSync(file);
  const heldAt = present ? null : holderOf(made, held);
  return { path: file, bytes, present, heldAt, parent, madeBy: { run, verb, method }, loss, runs: 0, seen };
}

/** Where the newest export lies that still has every file of the model; null where none has. Of a folder, its folder. */
function holderOf({ path: file, run, bytes }: MadeModel, held: readonly HeldFile[]): string | null {
  const ofRun = held.filter((one) => one.run === null || one.run === run);
  for (const files of Map.groupBy(ofRun, ({ install }) => install).values()) {
    const isWhole = files.reduce((sum, one) => sum + one.bytes, 0) >= bytes && files.every(isThere);
    if (isWhole) return isModelFile(file) ? files[0]!.path : files[0]!.target;
  }
  return null;
}

/** By its name, as it is gone; a folder is exported to folders alone. */
const isModelFile = (file: string): boolean => isOnnxFile(file) || path.extname(file).toLowerCase() === '.gguf';

function isThere(file: HeldFile): boolean {
  const found = lstatSync(file.path, { bigint: true, throwIfNoEntry: false });
  return found !== undefined && isUnchanged(file, found);
}

function sourceModel(source: KnownSource): LibraryModel {
  return { ...source, present: existsSync(source.path), heldAt: null, parent: null, madeBy: null, loss: null };
}
