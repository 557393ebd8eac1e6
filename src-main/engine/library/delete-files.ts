// Deletes what a run made; the record that it was made stays.
import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import type { Artifact, DeletedFiles, ExperimentDetail } from '../../contract/history.ts';
import type { Progress } from '../../contract/progress.ts';
import { ofAllFiles } from '../../core/export/weights/written-files.ts';
import { isOnnxFile } from '../../core/formats/model-source.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { holdsWeights, isModelFile, onnxFiles } from '../jobs/output-files.ts';
import { sha256OfFile } from './file-hash.ts';
import { removeRecord } from './run-records.ts';

interface DeleteOptions {
  /** Ends the comparison of large files. */
  signal?: AbortSignal;
  progress?: (progress: Progress) => void;
}

/** Deletes the files of a run that are still those it made, by size and checksum. @throws USAGE for a run that is not there; CANCELLED */
export async function deleteFiles(catalog: Catalog, run: string, options: DeleteOptions = {}): Promise<DeletedFiles> {
  const experiment = catalog.history.detail(run);
  const deleted: DeletedFiles['deleted'] = [];
  const kept: DeletedFiles['kept'] = [];
  const linked: DeletedFiles['linked'] = [];
  for (const artifact of experiment.artifacts.filter(({ path: file, present }) => present || !path.isAbsolute(file))) {
    const left = await deleteMade(experiment, artifact, options);
    kept.push(...left);
    if (left.some(({ path: file }) => file === artifact.path)) continue;
    catalog.experiments.fileDeleted(run, artifact.path);
    deleted.push({ path: artifact.path, bytes: artifact.bytes });
    linked.push(...linksTo(catalog, artifact.path));
  }
  return { run, deleted, kept, linked };
}

/** Deletes the file or folder; answers what was left and why: all of it, or files beside the weights. */
async function deleteMade(
  run: ExperimentDetail,
  artifact: Artifact,
  options: DeleteOptions,
): Promise<DeletedFiles['kept']> {
  const reason = reasonToLeave(run, artifact) ?? (await differenceOf(artifact, options));
  if (reason !== null) return [{ path: artifact.path, reason }];
  try {
    return await remove(run, artifact.path);
  } catch (error) {
    return [{ path: artifact.path, reason: AppError.from(error).message }];
  }
}

function reasonToLeave({ recipe: { output } }: ExperimentDetail, artifact: Artifact): string | null {
  // Of older versions: it would be looked for in whatever folder the engine was started.
  if (!path.isAbsolute(artifact.path))
    return 'its path was kept without a folder: which file the run made is not known';
  // A fit whose source fits as it is tells the source as its file.
  const isMade = typeof output === 'string' && path.resolve(output) === path.resolve(artifact.path);
  return isMade ? null : 'the run did not make it: it used the model as it was';
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

/** Deletes what is the run's, and answers what is not. */
async function remove(run: ExperimentDetail, output: string): Promise<DeletedFiles['kept']> {
  const left: DeletedFiles['kept'] = [];
  if ((await stat(output)).isDirectory()) {
    const made = companionsOf.safeParse(run.result).data?.companions ?? {};
    for (const file of await filesIn(output)) {
      const name = path.basename(file);
      if (holdsWeights(name) || (await hasHash(file, made[name]))) await rm(file);
      else left.push({ path: file, reason: 'it is not the file that the run made' });
    }
    await rmdir(output).catch(() => {}); // what was left keeps it
  } else for (const file of await filesOf(output)) await rm(file);
  await removeRecord(output, run.run);
  return left;
}

const companionsOf = z.object({ companions: z.record(z.string(), z.string()) });

const hasHash = async (file: string, sha256: string | undefined): Promise<boolean> =>
  sha256 !== undefined && (await sha256OfFile(file).catch(() => null)) === sha256;

/** What tells the weights from those that the run made. @throws CANCELLED */
async function differenceOf(artifact: Artifact, options: DeleteOptions): Promise<string | null> {
  const isFolder = (await stat(artifact.path)).isDirectory();
  const files = isFolder
    ? (await filesIn(artifact.path)).filter((file) => holdsWeights(path.basename(file)))
    : await filesOf(artifact.path);
  return differenceFrom(artifact, files, options);
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

const filesOf = (file: string): Promise<string[]> => (isOnnxFile(file) ? onnxFiles(file) : Promise.resolve([file]));

/** Files of a folder that have the names of what Snug writes there. */
async function filesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter(isModelFile)
    .toSorted()
    .map((name) => path.join(folder, name));
}
