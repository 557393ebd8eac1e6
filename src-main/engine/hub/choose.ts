// Which files of a repository make up the model that an address names: one GGUF with all its shards, or the safetensors
// weights of a folder with its config and tokenizer. Pickled weights, ONNX exports and other formats stay where they are.
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { formatHubAddress, type HubAddress } from '../../contract/hub-address.ts';
import { formatFileSize } from '../../contract/units.ts';
import { indexName, weightsName } from '../../core/formats/safetensors-reader.ts';
import type { HubFile } from './hub-file.ts';

export interface Choice {
  kind: 'gguf' | 'safetensors';
  /** The path, inside the repository, that opens the model: a file, or a folder ('' for the whole repository). */
  entry: string;
  weights: HubFile[];
  /** Small files beside the weights, wanted whole. */
  companions: HubFile[];
}

/** All that is read of a folder besides its weights (core/export/hf-to-gguf/model-folder.ts, core/tokens, core/slicing). */
const companionNames = new Set([
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer.model',
  'tokenizer_config.json',
  'added_tokens.json',
  'special_tokens_map.json',
  'vocab.json',
  'merges.txt',
  'chat_template.jinja',
  'chat_template.json',
  'tekken.json',
  'modules.json',
  'slicing.json',
  'README.md',
]);
const templateFolder = /^additional_chat_templates\/[^/]+\.jinja$/;
const shard = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/;
/** GGUF files that are no models: projectors of images, importance. */
const noModel = /(^|[-_.])(mmproj|imatrix)([-_.]|$)/i;
/** Lists in messages end here; the details have all. */
const mostListed = 30;

/** The names of the weights that an index lists. */
export type ReadIndex = (index: HubFile) => Promise<string[]>;

/**
 * Chooses the files of an address.
 * @throws USAGE with the choices and their sizes where several are possible, HUB_NOT_FOUND where none is
 */
export async function chooseFiles(
  address: HubAddress,
  files: readonly HubFile[],
  readIndex: ReadIndex,
): Promise<Choice> {
  const { file } = address;
  if (file === null) return chooseIn('', address, { files, readIndex });
  if (files.some(({ name }) => name.startsWith(`${file}/`))) return chooseIn(`${file}/`, address, { files, readIndex });
  const exact = files.find(({ name }) => name === file);
  if (!exact) return byWord(file, address, files);
  if (file.endsWith('.gguf')) return ggufOf(setsOf(files)(file), address);
  if (file.endsWith('.safetensors')) return singleWeights(exact, files);
  const message = `${formatHubAddress(address)} is no model: name a .gguf or .safetensors file, a folder, or nothing.`;
  throw new AppError('USAGE', message, { file, choices: listOf(ggufSets(files)) });
}

interface Repository {
  files: readonly HubFile[];
  readIndex: ReadIndex;
}

/** The model of a folder, `prefix` with a slash at its end. */
async function chooseIn(prefix: string, address: HubAddress, { files, readIndex }: Repository): Promise<Choice> {
  const own = files.filter(({ name }) => name.startsWith(prefix) && !name.slice(prefix.length).includes('/'));
  const weights = await weightsOf(own, address, readIndex);
  const hasConfig = own.some(({ name }) => name === `${prefix}config.json`);
  if (weights.length > 0 && hasConfig)
    return { kind: 'safetensors', entry: prefix.slice(0, -1), weights, companions: companionsIn(prefix, files) };
  const sets = ggufSets(files).filter(({ name }) => name.startsWith(prefix));
  if (sets.length === 1) return ggufOf(sets[0]!, address);
  if (sets.length > 1) throw severalModels(address, sets);
  const pickled = own.find(({ name }) => /\.(bin|pt|pth)$/.test(name));
  const why =
    weights.length > 0
      ? `it has weights, but no ${prefix}config.json that says what they are`
      : pickled
        ? `${pickled.name} is a pickled file, which Snug does not read (a pull request may offer safetensors: @refs/pr/N)`
        : 'there is neither a .gguf file nor safetensors with a config.json';
  throw new AppError('HUB_NOT_FOUND', `${formatHubAddress(address)} holds no model that Snug opens: ${why}.`, {
    address: formatHubAddress(address),
  });
}

/** As the reader of a folder chooses: what the index names, else model.safetensors, else the only file there is. */
async function weightsOf(own: readonly HubFile[], address: HubAddress, readIndex: ReadIndex): Promise<HubFile[]> {
  const base = ({ name }: HubFile): string => path.posix.basename(name);
  const index = own.find((file) => base(file) === indexName);
  if (index) {
    const names = await readIndex(index);
    const wanted = new Set(names);
    const found = own.filter((file) => wanted.has(base(file)));
    const here = new Set(found.map(base));
    const missing = names.find((name) => !here.has(name));
    if (missing === undefined) return found;
    const message = `${formatHubAddress(address)} is not complete: ${index.name} names ${missing}, which the repository does not have.`;
    throw new AppError('HUB_NOT_FOUND', message, { index: index.name, missing });
  }
  const whole = own.find((file) => base(file) === weightsName);
  if (whole) return [whole];
  // What an adapter changes is another repository's.
  const others = own.filter((file) => base(file).endsWith('.safetensors') && !base(file).startsWith('adapter_'));
  if (others.length > 1)
    throw severalModels(
      address,
      others.map((file) => ({ name: file.name, files: [file], count: 1 })),
    );
  return others;
}

function companionsIn(prefix: string, files: readonly HubFile[]): HubFile[] {
  return files.filter(({ name }) => {
    if (!name.startsWith(prefix)) return false;
    const inside = name.slice(prefix.length);
    return companionNames.has(inside) || inside === indexName || templateFolder.test(inside);
  });
}

/** One file of safetensors, with the config and tokenizer beside it; a shard stands for its folder. */
function singleWeights(file: HubFile, files: readonly HubFile[]): Choice {
  const folder = path.posix.dirname(file.name);
  const prefix = folder === '.' ? '' : `${folder}/`;
  const set = /^(.*)-\d{5}-of-(\d{5})\.safetensors$/.exec(file.name);
  const isOfSet = ({ name }: HubFile): boolean => {
    const other = /^(.*)-\d{5}-of-(\d{5})\.safetensors$/.exec(name);
    return set !== null && other !== null && other[1] === set[1] && other[2] === set[2];
  };
  const companions = companionsIn(prefix, files);
  return set
    ? { kind: 'safetensors', entry: prefix.slice(0, -1), weights: files.filter(isOfSet), companions }
    : { kind: 'safetensors', entry: file.name, weights: [file], companions };
}

export interface GgufSet {
  /** Of its first file. */
  name: string;
  files: HubFile[];
  /** Files that it should have. */
  count: number;
}

/** Models by their first file, smallest first; names that say they are none are left out. */
export function ggufSets(files: readonly HubFile[]): GgufSet[] {
  const setOf = setsOf(files);
  const models = files.filter(({ name }) => name.endsWith('.gguf') && !noModel.test(path.posix.basename(name)));
  const firsts = models.filter(({ name }) => Number(shard.exec(name)?.[2] ?? 1) === 1);
  return firsts.map(({ name }) => setOf(name)).sort((a, b) => bytesOf(a) - bytesOf(b));
}

/** The set of each file, after one pass over all of them: a repository may have very many. */
function setsOf(files: readonly HubFile[]): (name: string) => GgufSet {
  const sets = new Map<string, GgufSet>();
  for (const file of files) {
    const { name, count } = firstOf(file.name);
    const known = sets.get(name);
    if (known) known.files.push(file);
    else sets.set(name, { name, files: [file], count });
  }
  return (name) => sets.get(firstOf(name).name)!;
}

/** The name of the set of a file, which its first file has, and how many it has. */
function firstOf(name: string): Pick<GgufSet, 'name' | 'count'> {
  const [, stem, , count] = shard.exec(name) ?? [];
  if (stem === undefined || count === undefined) return { name, count: 1 };
  return { name: `${stem}-00001-of-${count}.gguf`, count: Number(count) };
}

/** The model whose file name has the word: `Q4_K_M` in `model-Q4_K_M.gguf`. */
function byWord(text: string, address: HubAddress, files: readonly HubFile[]): Choice {
  const sets = ggufSets(files);
  const word = text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const among = (ends: string): GgufSet[] => {
    const form = new RegExp(`(^|[${ends}])${word}([${ends}]|$)`, 'i');
    return sets.filter(({ name }) => form.test(name.replace(/(-\d{5}-of-\d{5})?\.gguf$/, '')));
  };
  // Q4_K is a type of its own beside Q4_K_M, and else what several have in common.
  const whole = among('-./');
  const meant = whole.length > 0 ? whole : among('-./_');
  if (meant.length === 1) return ggufOf(meant[0]!, address);
  if (meant.length > 1) throw severalModels(address, meant);
  const choices = sets.length === 0 ? 'It has no .gguf files.' : `It has ${spoken(sets)}.`;
  throw new AppError('HUB_NOT_FOUND', `${formatHubAddress(address)}: the repository has no file ${text}. ${choices}`, {
    file: text,
    choices: listOf(sets),
  });
}

function ggufOf({ name, files, count }: GgufSet, address: HubAddress): Choice {
  if (files.length !== count) {
    const message = `${formatHubAddress(address)} is not complete: ${name} is one of ${count} files, of which the repository has ${files.length}.`;
    throw new AppError('HUB_NOT_FOUND', message, { file: name, expected: count, actual: files.length });
  }
  return { kind: 'gguf', entry: name, weights: files, companions: [] };
}

function severalModels(address: HubAddress, sets: readonly GgufSet[]): AppError {
  const example = formatHubAddress({ ...address, file: sets[0]!.name });
  const message = `${formatHubAddress(address)} has ${sets.length} models: ${spoken(sets)}. Name one, as in ${example}.`;
  return new AppError('USAGE', message, { choices: listOf(sets) });
}

/** Of all shards. */
export const bytesOf = ({ files }: GgufSet): number => files.reduce((sum, { bytes }) => sum + bytes, 0);

const listOf = (sets: readonly GgufSet[]): { file: string; bytes: number }[] =>
  sets.map((set) => ({ file: set.name, bytes: bytesOf(set) }));

function spoken(sets: readonly GgufSet[]): string {
  const listed = sets.slice(0, mostListed).map((set) => `${set.name} (${formatFileSize(bytesOf(set))})`);
  const rest = sets.length - listed.length;
  return `${listed.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
