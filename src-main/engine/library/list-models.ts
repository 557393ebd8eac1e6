// The library of models: what runs worked on and what they made, as the history knows it, and what of it is still there.
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { LibraryModel, ModelLibrary } from '../../contract/history.ts';
import type { History, KnownSource, MadeModel } from '../catalog/history.ts';

/** Every model once, by its path; of several runs that wrote one file, the last made it. */
export function listModels(history: History): ModelLibrary {
  const models = new Map<string, LibraryModel>();
  for (const made of history.made())
    if (!models.has(made.path) && !isSource(made)) models.set(made.path, madeModel(made));
  for (const source of history.sources()) {
    const known = models.get(source.path);
    models.set(source.path, known ? { ...known, runs: source.runs } : sourceModel(source));
  }
  const listed = [...models.values()];
  const madeBytes = listed
    .filter(({ madeBy, present }) => madeBy !== null && present)
    .reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  return { models: listed, madeBytes };
}

/** A fit whose source fits as it is tells the source as its file. */
const isSource = ({ path: file, parent }: MadeModel): boolean => path.resolve(file) === path.resolve(parent);

function madeModel({ path: file, bytes, state, run, verb, method, loss, parent, seen }: MadeModel): LibraryModel {
  const present = state === 'present' && path.isAbsolute(file) && existsSync(file);
  return { path: file, bytes, present, parent, madeBy: { run, verb, method }, loss, runs: 0, seen };
}

function sourceModel(source: KnownSource): LibraryModel {
  return { ...source, present: existsSync(source.path), parent: null, madeBy: null, loss: null };
}
