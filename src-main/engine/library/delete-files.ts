// Deletes what a run made; the record that it was made stays.
import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import type { Artifact, DeletedFiles, Experiment } from '../../contract/history.ts';
import type { Progress } from '../../contract/progress.ts';
import { ofAllFiles } from '../../core/export/weights/written-files.ts';
import { isOnnxFile } from '../../core/formats/model-source.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { isModelFile, onnxFiles } from '../jobs/output-files.ts';
import { sha256OfFile } from './file-hash.ts';
import { recordPath } from './run-records.ts';

interface DeleteOptions {
  /** Ends the comparison of large files. */
  signal?: AbortSignal;
  progress?: (progress: Progress) => void;
}

/** Deletes the files of a run that are still those it made, by size and checksum. @throws USAGE for a run that is not there; CANCELLED */
export async function deleteFiles(catalog: Catalog, run: string, options: DeleteOptions = {}): Promise<DeletedFiles> {
  const { artifacts, recipe } = catalog.history.get(run);
  const deleted: DeletedFiles['deleted'] = [];
  const kept: DeletedFiles['kept'] = [];
  const linked: DeletedFiles['linked'] = [];
  for (const artifact of artifacts.filter(({ path: file, present }) => present || !path.isAbsolute(file))) {
    const reason = await deletedOr(recipe, artifact, options);
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

/** Deletes the file, or answers why it was left. */
async function deletedOr(
  recipe: Experiment['recipe'],
  artifact: Artifact,
  options: DeleteOptions,
): Promise<string | null> {
  // Of older versions: it would be looked for in whatever folder the engine was started.
  if (!path.isAbsolute(artifact.path))
    return 'its path was kept without a folder: which file the run made is not known';
  // A fit whose source fits as it is tells the source as its file.
  const { output } = recipe;
  const isMade = typeof output === 'string' && path.resolve(output) === path.resolve(artifact.path);
  return isMade ? deleteOne(artifact, options) : 'the run did not make it: it used the model as it was';
}

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
async function deleteOne(artifact: Artifact, options: DeleteOptions): Promise<string | null> {
  const { path: output } = artifact;
  const isFolder = (await stat(output)).isDirectory();
  const files = isFolder ? await filesIn(output) : await filesOf(output);
  const another = await differenceFrom(artifact, isFolder ? files.filter(holdsWeights) : files, options);
  if (another !== null) return another;
  try {
    for (const file of files) await rm(file);
    if (isFolder) await rmdir(output).catch(() => {}); // a user's own files keep it
    await rm(recordPath(output), { force: true });
    return null;
  } catch (error) {
    return AppError.from(error).message;
  }
}

/** What tells the files with weights from those that the run made; null where they are the same bytes. */
async function differenceFrom(
  { bytes, sha256 }: Artifact,
  files: readonly string[],
  { signal, progress }: DeleteOptions,
): Promise<string | null> {
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  const size = sizes.reduce((sum, one) => sum + one, 0);
  if (size !== bytes) return `it has ${size} bytes, and what the run made had ${bytes}: it is another file by now`;
  if (sha256 === null) return null; // rows of a study
  const written = [];
  let before = 0;
  for (const [index, file] of files.entries()) {
    const onProgress = (done: number): void =>
      progress?.({ stage: 'checksum', done: before + done, total: bytes, unit: 'bytes' });
    const options = signal ? { signal, onProgress } : { onProgress };
    written.push({ path: file, fileBytes: sizes[index]!, sha256: await sha256OfFile(file, options) });
    before += sizes[index]!;
  }
  const found = ofAllFiles(written).sha256;
  return found === sha256 ? null : `it has other bytes than what the run made (SHA-256 ${found}, not ${sha256})`;
}

const holdsWeights = (file: string): boolean => !/\.(json|txt|jinja)$|tokenizer\.model$/.test(file);

const filesOf = (file: string): Promise<string[]> => (isOnnxFile(file) ? onnxFiles(file) : Promise.resolve([file]));

/** Files of a folder that Snug wrote; a user's own among them stay. */
async function filesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter(isModelFile)
    .toSorted()
    .map((name) => path.join(folder, name));
}
