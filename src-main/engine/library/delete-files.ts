// Deletes what a run made; the record that it was made stays.
import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import type { Artifact, DeletedFiles, Experiment } from '../../contract/history.ts';
import { isOnnxFile } from '../../core/formats/model-source.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { isModelFile, onnxFiles } from '../jobs/output-files.ts';
import { recordPath } from './run-records.ts';

/** Deletes the files of a run that are still those it made. @throws USAGE for a run that is not there */
export async function deleteFiles(catalog: Catalog, run: string): Promise<DeletedFiles> {
  const { artifacts, recipe } = catalog.history.get(run);
  const deleted: DeletedFiles['deleted'] = [];
  const kept: DeletedFiles['kept'] = [];
  const linked: DeletedFiles['linked'] = [];
  for (const artifact of artifacts.filter(({ present }) => present)) {
    const reason = isMadeBy(recipe, artifact) ? await deleteOne(artifact) : usedAsItWas;
    if (reason !== null) {
      kept.push({ path: artifact.path, reason });
      continue;
    }
    catalog.experiments.fileDeleted(run, artifact.path);
    deleted.push({ path: artifact.path, bytes: artifact.bytes });
    linked.push(...linksTo(catalog, artifact.path));
  }
  return { run, deleted, kept, linked };
}

const usedAsItWas = 'the run did not make it: it used the model as it was';

/** A fit whose source fits as it is tells the source as its file. */
const isMadeBy = ({ output }: Experiment['recipe'], artifact: Artifact): boolean =>
  typeof output === 'string' && path.resolve(output) === path.resolve(artifact.path);

/** What exports of a file still have of it. */
function linksTo({ installs }: Catalog, file: string): DeletedFiles['linked'] {
  return installs
    .placed(file, null)
    .flatMap(({ target, files }) =>
      files.flatMap(({ path: at, how }) =>
        how === 'hard' || how === 'symbolic' || how === 'copy' ? [{ path: at, target, how }] : [],
      ),
    );
}

/** Why it was left, or null. */
async function deleteOne({ path: output, bytes }: Artifact): Promise<string | null> {
  const found = await stat(output);
  const files = found.isDirectory() ? await filesIn(output) : await filesOf(output);
  const sizes = await Promise.all(files.filter(holdsWeights).map(async (file) => (await stat(file)).size));
  const size = sizes.reduce((sum, one) => sum + one, 0);
  if (size !== bytes) return `it has ${size} bytes, and what the run made had ${bytes}: it is another file by now`;
  try {
    for (const file of files) await rm(file);
    if (found.isDirectory()) await rmdir(output).catch(() => {}); // a user's own files keep it
    await rm(recordPath(output), { force: true });
    return null;
  } catch (error) {
    return AppError.from(error).message;
  }
}

const holdsWeights = (file: string): boolean => !/\.(json|txt|jinja)$|tokenizer\.model$/.test(file);

const filesOf = (file: string): Promise<string[]> => (isOnnxFile(file) ? onnxFiles(file) : Promise.resolve([file]));

/** Files of a folder that Snug wrote; a user's own among them stay. */
async function filesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names.filter(isModelFile).map((name) => path.join(folder, name));
}
