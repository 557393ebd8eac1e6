// A finished output gets its name, in place of what had it. Whole files and folders are renamed, so that a process that
// is killed at any moment leaves the old model or the new one, never some of each: what is replaced by more than one
// rename lies aside meanwhile, as NAME.PROCESS.previous, and the next run for the output puts right what was left.
import { lstat, mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { processTag, readProcessTag, thisProcess } from '../../core/process-identity.ts';
import { slicingFile } from '../../core/slicing/slicing-config.ts';
import { dataOf, isModelFile } from './output-files.ts';
import { formOfName, outputForm } from './output-names.ts';
import { hasSameBytes, isNoted, noteOutput, type Naming } from './own-output.ts';

export interface OutputTarget {
  output: string;
  force: boolean;
}

/**
 * A name that is taken, by a link to nowhere too, is not taken over without force; of folders only one that Snug wrote,
 * where a folder is to be written. @throws OUTPUT_EXISTS
 */
export async function refuseExisting({ output, force }: OutputTarget): Promise<void> {
  const refuse = (reason: string): never => {
    throw new AppError('OUTPUT_EXISTS', `${output} ${reason}.`, { output });
  };
  const found = await lstat(output).catch(() => null);
  const folder = await stat(output).catch(() => null);
  if (found?.isSymbolicLink() && folder?.isDirectory()) refuse('is a link to a folder: choose another name');
  if (found?.isDirectory() && !(outputForm(output) === 'safetensors' && (await isOurFolder(output))))
    refuse('is a folder: choose another name');
  if (found && !force) refuse('exists already: choose another name or use --force');
  if (!isOnnx(output)) return;
  const data = await lstat(dataOf(output)).catch(() => null);
  if (data?.isDirectory() || (data && !force))
    refuse(`would have its weights in ${dataOf(output)}, which exists already: choose another name`);
}

const isOnnx = (output: string): boolean => /\.onnx$/i.test(output);

/** Empty, or with a model that was written here before. */
async function isOurFolder(folder: string): Promise<boolean> {
  const names = await readdir(folder);
  return names.length === 0 || names.includes(slicingFile);
}

/** Gives a finished file its name. @throws OUTPUT_EXISTS when it was taken in the meantime */
export async function publish(file: string, target: OutputTarget, naming: Naming): Promise<void> {
  await refuseExisting(target);
  if (await isThere([[file, target.output]], naming)) return;
  await noteOutput(naming.note, [file]);
  await rename(file, target.output);
}

/**
 * Gives a finished file its name whose bytes no attempt makes twice. What an earlier one gave the name goes for it, as
 * long as nobody changed it. @throws as publish
 */
export async function publishAnew(file: string, target: OutputTarget, { note, isNamed }: Naming): Promise<void> {
  await refuseExisting(target);
  const isOwn = isNamed && (await exists(target.output));
  if (isOwn && !(await isNoted(note, target.output))) throw notOwn(target.output);
  await noteOutput(note, [], isOwn ? [file, target.output] : [file]);
  await rename(file, target.output);
}

/**
 * Whether an earlier attempt of the run gave all names to the very same, and nothing is to be done. Without `isNamed` false.
 * @throws OUTPUT_EXISTS where something else has one of them
 */
async function isThere(pairs: readonly (readonly [made: string, output: string])[], naming: Naming): Promise<boolean> {
  if (!naming.isNamed) return false;
  let isAll = true;
  for (const [made, output] of pairs) {
    if (!(await exists(output))) isAll = false;
    else if (!(await hasSameBytes(made, output))) throw notOwn(output);
  }
  return isAll;
}

const notOwn = (output: string): AppError =>
  new AppError('OUTPUT_EXISTS', `${output} is not what this run had made: choose another name.`, { output });

/**
 * Gives a finished folder its name. Of one that is there already, the model goes, with all of its files; what else lies
 * in it is moved into the new one. @throws as publish
 */
export async function publishFolder(folder: string, target: OutputTarget, naming: Naming): Promise<void> {
  await refuseExisting(target);
  if (await isThere([[folder, target.output]], naming)) return;
  await noteOutput(naming.note, [folder]);
  const full = path.resolve(target.output);
  if (!(await exists(full))) return rename(folder, full);
  const previous = previousName(full);
  await rename(full, previous);
  try {
    await rename(folder, full);
  } catch (error) {
    await rename(previous, full);
    throw error;
  }
  await dropPreviousFolder(previous, full);
}

/** Removes the old model; files that are not of a model go to the new one. May be begun again where it was stopped. */
async function dropPreviousFolder(previous: string, full: string): Promise<void> {
  for (const name of await readdir(previous)) {
    const isOld = isModelFile(name) || (await exists(path.join(full, name)));
    if (isOld) await rm(path.join(previous, name), { recursive: true });
    else await rename(path.join(previous, name), path.join(full, name));
  }
  await rmdir(previous);
}

/**
 * Gives an ONNX model that was finished in `folder`, under its own name, that name: the file, and its weights where they
 * lie beside it. Weights of the model that is replaced go. @throws as publish
 */
export async function publishOnnx(folder: string, target: OutputTarget, naming: Naming): Promise<void> {
  await refuseExisting(target);
  const full = path.resolve(target.output);
  const made = path.join(folder, path.basename(full));
  const [hasData, hadData] = [await exists(dataOf(made)), await exists(dataOf(full))];
  const files = [made, ...(hasData ? [dataOf(made)] : [])];
  // An attempt that was killed between two renames left one of them.
  const pairs = files.map((file) => [file, path.join(path.dirname(full), path.basename(file))] as const);
  if (await isThere(pairs, naming)) return;
  await noteOutput(naming.note, files);
  // Only where one file of weights replaces another does the old graph find the wrong ones in between.
  const previous = hasData && hadData ? previousName(full) : null;
  if (previous !== null) await moveOnnxAside(full, previous);
  try {
    if (hasData) await rename(dataOf(made), dataOf(full));
    await rename(made, full);
  } catch (error) {
    if (previous !== null) await restoreOnnx(previous, full);
    throw error;
  }
  if (previous !== null) await rm(previous, { recursive: true });
  else if (hadData) await rm(dataOf(full));
}

/** Graph first: without it the weights are no model. Both keep their names, by which the graph knows its weights. */
async function moveOnnxAside(full: string, previous: string): Promise<void> {
  await mkdir(previous);
  for (const file of [full, dataOf(full)]) {
    if (await exists(file)) await rename(file, path.join(previous, path.basename(file)));
  }
}

/** Graph last. */
async function restoreOnnx(previous: string, full: string): Promise<void> {
  for (const file of [dataOf(full), full]) {
    const aside = path.join(previous, path.basename(file));
    if (await exists(aside)) await rename(aside, file);
  }
  await rmdir(previous);
}

const previousName = (full: string): string => `${full}.${processTag(thisProcess)}.previous`;

/** Puts right what a run left that was killed while it published: goes back where the new model has no name yet, else on. For the run that has claimed the output. */
export async function recoverOutput(full: string): Promise<void> {
  const form = formOfName(full);
  // A single file gets its name by one rename: nothing of it ever lies aside.
  if (form !== 'onnx' && form !== 'safetensors') return;
  for (const previous of await previousOf(full)) {
    const isPublished = await exists(full);
    if (form === 'onnx') {
      if (isPublished) await rm(previous, { recursive: true });
      else await restoreOnnx(previous, full);
    } else if (!isPublished) await rename(previous, full);
    // What is no model was put there since: the old one stays findable.
    else if (await exists(path.join(full, slicingFile))) await dropPreviousFolder(previous, full);
  }
}

async function previousOf(full: string): Promise<string[]> {
  const [folder, prefix] = [path.dirname(full), `${path.basename(full)}.`];
  const isLeft = (name: string): boolean =>
    name.startsWith(prefix) &&
    name.endsWith('.previous') &&
    readProcessTag(name.slice(prefix.length, -'.previous'.length)) !== null;
  return (await readdir(folder)).filter(isLeft).map((name) => path.join(folder, name));
}

/** What a complete model is called that does not get its name: it was not proved, or was and could not be published. */
export type Unnamed = 'unproved' | 'unpublished';

/**
 * Keeps a complete file or folder beside where it would have gone; returns its name, which says what it is: of an output
 * in another form, OUTPUT.gguf or OUTPUT of a folder.
 */
async function keepAs(file: string, { output }: OutputTarget, as: Unnamed): Promise<string> {
  const isFolder = (await stat(file)).isDirectory();
  const bare = output.replace(/\.(gguf|onnx)$/i, '');
  const kept = await keptName(`${isFolder ? bare : `${bare}.gguf`}.${as}`);
  await rename(file, kept);
  return kept;
}

/** An earlier file or model of this name is replaced; a folder of the user's is not, and a number is put behind. */
async function keptName(name: string, number = 1): Promise<string> {
  const candidate = number === 1 ? name : `${name}-${number}`;
  const earlier = await stat(candidate).catch(() => null);
  if (!earlier?.isDirectory()) return candidate;
  if (!(await isOurFolder(candidate))) return keptName(name, number + 1);
  await rm(candidate, { recursive: true });
  return candidate;
}

/**
 * Runs `work` on a complete file or folder, which is not lost to a failure: it is kept as NAME.unproved or
 * NAME.unpublished, unless the user cancelled. @throws what `work` throws, with the path where it was kept
 */
export async function keepingComplete<T>(
  file: string,
  { target, as }: { target: OutputTarget; as: Unnamed },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const failure = AppError.from(error);
    // Not there any more: it has its name, and what failed came after.
    if (failure.code === 'CANCELLED' || !(await exists(file))) throw failure;
    const kept = await keepAs(file, target, as);
    const message = `${failure.message} ${as === 'unproved' ? 'It' : 'The model itself is finished and'} was kept as ${kept}.`;
    throw new AppError(failure.code, message, { ...failure.details, path: kept }, failure);
  }
}

const exists = (file: string): Promise<boolean> =>
  lstat(file).then(
    () => true,
    () => false,
  );
