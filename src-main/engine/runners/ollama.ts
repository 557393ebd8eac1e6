// Ollama: models are in a store of its own, which `ollama create` fills from a Modelfile (docs.ollama.com/import). The store
// is OLLAMA_MODELS, else /usr/share/ollama/.ollama/models of the Linux service, else ~/.ollama/models (docs.ollama.com/faq).
// Ollama before 0.30 keeps a file as it is, named by its SHA-256, and takes none in that lies there already (server/routes.go,
// CreateBlobHandler): a hard link is enough. Newer ones write every file anew (server/create.go,
// copyLayerWithLlamaQuantize), which has to be asked for.
import { access, constants, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { formatFileSize } from '../../contract/units.ts';
import type { InstallFile } from '../catalog/installs.ts';
import { sha256OfFile } from '../library/file-hash.ts';
import type { ExportedModel } from './exported-model.ts';
import { textsInto } from './model-folder.ts';
import { isOlder, modelfile } from './ollama-modelfile.ts';
import { findProgram, isFolder, programFolders, variable, type Places } from './places.ts';
import { runProgram, versionOf, type ProgramOptions } from './program.ts';
import { commandLine } from './quote.ts';
import type { ExportContext, Finding, PlacementPlan, Runner } from './runner.ts';

export const ollama: Runner = {
  id: 'ollama',
  name: 'Ollama',
  placement: 'taken in by ollama create from a Modelfile; a copy, from 0.30 on always',
  async find(places, at) {
    const looked = at === null ? [...programFolders(places), ...installFolders(places)] : [at];
    const program = await findProgram(places, ['ollama'], looked);
    const store = await storeOf(places);
    const found = program !== null || (await isFolder(store));
    return { found, program, folder: found ? store : null, looked: [...looked, store] };
  },
  version: async ({ program }, places) => (program === null ? null : ollamaVersion(program, places)),
  plan: planExport,
};

/** Where its installers put the program (docs/windows.mdx, docs/macos.mdx). */
function installFolders(places: Places): string[] {
  const { platform, home, root } = places;
  if (platform === 'win32')
    return [path.join(variable(places, 'LOCALAPPDATA') ?? path.join(home, 'AppData/Local'), 'Programs/Ollama')];
  return platform === 'darwin'
    ? [path.join(root, 'Applications/Ollama.app/Contents/Resources')]
    : [path.join(root, 'usr/bin')];
}

async function storeOf(places: Places): Promise<string> {
  const { platform, home, root } = places;
  const named = variable(places, 'OLLAMA_MODELS');
  if (named !== null) return named;
  const service = path.join(root, 'usr/share/ollama/.ollama');
  const isService = platform === 'linux' && (await isFolder(service));
  return path.join(isService ? service : path.join(home, '.ollama'), 'models');
}

/** It writes `ollama version is 0.6.5`, or where no server answers `Warning: client version is 0.6.5` (cmd/cmd.go). */
const ollamaVersion = (program: string, places: Places): Promise<string | null> =>
  versionOf(program, places, /version is v?(\d+\.\d+[\w.-]*)/);

/** Whether the server that the program talks to is on another machine (OLLAMA_HOST; docs.ollama.com/faq). */
function isRemote(places: Places): boolean {
  const host = (variable(places, 'OLLAMA_HOST') ?? '').replace(/^[a-z]+:\/\//, '').replace(/\/.*$/, '');
  return !/^(localhost|127\.[\d.]+|0\.0\.0\.0|\[::1?\]|::1)?(:\d+)?$/.test(host);
}

async function planExport(model: ExportedModel, finding: Finding, context: ExportContext): Promise<PlacementPlan> {
  const { program } = finding;
  const version = program === null ? null : await ollamaVersion(program, context.places);
  const name = context.name.toLowerCase();
  const folder = path.join(context.home, 'exports/ollama', name);
  const file = path.join(folder, 'Modelfile');
  refuseSplit(model, version);
  const texts = [{ path: file, text: modelfile(model, version) }, ...textsInto(model, folder)];
  const size = formatFileSize(model.bytes);
  if (program === null) {
    const next = commandLine(['ollama', 'create', name, '-f', file], context.places.platform);
    const note = `Ollama's program was not found here, only its store. What you type makes a copy of ${size} there.`;
    return { links: [], texts, next: `${next} && ollama run ${name}`, notes: [note] };
  }
  const calls = { program, options: { places: context.places, signal: context.signal } };
  const listed = await idOf(name, calls);
  const ours = context.installs.at(name);
  const isThere = listed !== null && ours?.how === 'model' && ours.sha256 === listed;
  if (listed !== null && !isThere) throw taken(name);
  const links = isThere ? [] : await linksToStore(model, { ...finding, version }, context);
  const finish = isThere
    ? null
    : (): Promise<InstallFile> => create({ name, file, bytes: model.bytes }, calls, context);
  return { links, texts, next: `ollama run ${name}`, notes: [], ...(finish && { finish }) };
}

function taken(name: string): AppError {
  const message = `Ollama has a model ${name} already, which is not of this export: choose another name with --name.`;
  return new AppError('OUTPUT_EXISTS', message, { output: name });
}

function refuseSplit({ file, files }: ExportedModel, version: string | null): void {
  if (files.length === 1 || !isOlder(version)) return;
  const message = `${file} is one of ${files.length} files, which Ollama ${version} does not take (0.30 does): join them with llama-gguf-split --merge first.`;
  throw new AppError('USAGE', message, { file, files: files.length });
}

/** The file in Ollama's store, where it is kept as it is. @throws LINK_IMPOSSIBLE where Ollama would copy it and none was asked for */
async function linksToStore(
  { files, bytes }: ExportedModel,
  { folder, version }: Finding & { version: string | null },
  { places, link, signal, progress }: ExportContext,
): Promise<PlacementPlan['links']> {
  if (link === 'copy') return [];
  const blobs = path.join(folder!, 'blobs');
  const from = files[0]!.path;
  const reason = await copyReason({ blobs, from, link, version, places });
  if (reason === null) {
    const onProgress = (done: number): void => progress({ stage: 'checksum', done, total: bytes, unit: 'bytes' });
    // Of the bytes as they are now: under a wrong name they would damage the store.
    const hash = await sha256OfFile(from, { signal, onProgress });
    return [{ from, to: path.join(blobs, `sha256-${hash}`) }];
  }
  const message = `Ollama would write a second copy of ${formatFileSize(bytes)} into its store (${reason}). Add --link copy to allow it.`;
  throw new AppError('LINK_IMPOSSIBLE', message, { path: folder, bytes, reason });
}

interface StoreLink {
  blobs: string;
  from: string;
  link: ExportContext['link'];
  version: string | null;
  places: Places;
}

/** Why Ollama cannot do with a hard link; null where it can. */
async function copyReason({ blobs, from, link, version, places }: StoreLink): Promise<string | null> {
  if (isRemote(places)) return 'OLLAMA_HOST is another machine';
  if (version !== null && !isOlder(version)) return `version ${version} writes every file anew`;
  if (link === 'symbolic') return 'it may take a symbolic link for a damaged file';
  const folder = (await isFolder(blobs)) ? blobs : path.dirname(path.dirname(blobs));
  const mayWrite = await access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!mayWrite) return `${folder} cannot be written to`;
  const [there, here] = [await stat(folder), await stat(from)];
  return there.dev === here.dev ? null : 'it lies on another disk';
}

interface Calls {
  program: string;
  options: Pick<ProgramOptions, 'places' | 'signal'>;
}

/** What `ollama list` shows as ID of a model; null where there is none. @throws RUNNER_FAILED where no server answers */
async function idOf(name: string, { program, options }: Calls): Promise<string | null> {
  const lines = (await runProgram(program, ['list'], options)).split('\n').map((line) => line.trim().split(/\s+/));
  return lines.find(([listed]) => listed?.toLowerCase() === `${name}:latest`)?.[1] ?? null;
}

async function create(
  { name, file, bytes }: { name: string; file: string; bytes: number },
  calls: Calls,
  { progress }: ExportContext,
): Promise<InstallFile> {
  const onOutput = (text: string): void => {
    const percent = /(\d{1,3})%(?!.*\d%)/s.exec(text)?.[1];
    if (percent !== undefined) progress({ stage: 'create', done: Number(percent), total: 100 });
  };
  // Reading a large file took minutes: what has the name by now is not written over, and not taken back below.
  if ((await idOf(name, calls)) !== null) throw taken(name);
  progress({ stage: 'create', done: 0, total: 100 });
  try {
    await runProgram(calls.program, ['create', name, '-f', file], { ...calls.options, onOutput });
    const sha256 = await idOf(name, calls);
    if (sha256 === null) throw notListed(name, calls);
    return { path: name, how: 'model', bytes, inode: null, modified: null, link: null, sha256 };
  } catch (error) {
    // What it made goes before the files that it made it of; the user's own signal may have been given already.
    const options = { places: calls.options.places, signal: AbortSignal.timeout(removeTimeoutMs) };
    await runProgram(calls.program, ['rm', name], options).catch(() => {});
    throw error;
  }
}

const removeTimeoutMs = 10_000;

function notListed(name: string, { program }: Calls): AppError {
  const message = `ollama create ended well, but ollama list does not show ${name}: Ollama did not take the model in. Nothing of it was kept. Start Ollama again, and export once more; its log says what happened (docs.ollama.com/troubleshooting).`;
  return new AppError('RUNNER_FAILED', message, { program, args: ['list'], output: '' });
}

/** Takes a model out of Ollama; answers with the reason where it was left. */
export async function removeFromOllama(
  { path: name, sha256 }: InstallFile,
  places: Places,
  signal: AbortSignal,
): Promise<string | null> {
  const { program } = await ollama.find(places, null);
  if (program === null) return `Ollama's program was not found: type ollama rm ${name}`;
  const calls = { program, options: { places, signal } };
  try {
    const listed = await idOf(name, calls);
    if (listed === null) return null;
    if (listed !== sha256) return 'it is another model of that name by now';
    await runProgram(program, ['rm', name], calls.options);
    return null;
  } catch (error) {
    return AppError.from(error).message;
  }
}
