// Opens safetensors weights: one file, or the shards that model.safetensors.index.json names, as one list of tensors.
// Source: huggingface/safetensors; the index as transformers writes it (modeling_utils, save_pretrained).
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError, malformed } from '../../contract/errors.ts';
import type { ByteSource } from './byte-source.ts';
import { openFileSource } from './file-source.ts';
import { isJsonObject, readJsonFile } from './json-object.ts';
import { readSafetensorsHeader } from './safetensors-header.ts';
import { tensorRange } from './tensor.ts';
import type { TensorEntry } from './tensor.ts';

export interface SafetensorsFiles {
  /** The file, or the folder. */
  readonly path: string;
  readonly metadata: ReadonlyMap<string, string>;
  /** Shapes have the fastest dimension first, as everywhere in Snug; the file has it last. */
  readonly tensors: TensorEntry[];
  readonly shards: ByteSource[];
  /** Sum over all shards. */
  readonly fileBytes: number;
  /** Bytes of a tensor, from `offset` inside it; by default all. @throws FILE_MALFORMED when the file became shorter */
  read(entry: TensorEntry, offset?: number, length?: number): Promise<Uint8Array>;
  /** Fills all of `target` from `offset` inside a tensor. */
  readInto(entry: TensorEntry, target: Uint8Array, offset?: number): Promise<void>;
  close(): Promise<void>;
}

export const weightsName = 'model.safetensors';
export const indexName = 'model.safetensors.index.json';

/** The shards to open and, where there is an index, the shard of every tensor. */
interface ShardList {
  paths: string[];
  index: { path: string; shardOf: Map<string, number> } | null;
}

/**
 * Opens a safetensors file or a folder of them.
 * @throws FILE_NOT_FOUND when the weights or a shard are missing, FILE_MALFORMED when a file breaks the format,
 * USAGE when a folder leaves open which file is meant
 */
export async function openSafetensors(path: string): Promise<SafetensorsFiles> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  const { paths, index } = isFolder ? await listShards(path) : { paths: [path], index: null };
  const shards: ByteSource[] = [];
  try {
    const tensors: TensorEntry[] = [];
    let metadata: ReadonlyMap<string, string> = new Map();
    for (const [shard, shardPath] of paths.entries()) {
      const source = await openFileSource(shardPath).catch((error: unknown) =>
        explainMissing(error, shardPath, index?.path),
      );
      shards.push(source);
      const header = await readSafetensorsHeader(source, shard);
      if (shard === 0) metadata = header.metadata;
      tensors.push(...header.tensors);
    }
    return joinShards(path, metadata, index ? pickIndexed(index, paths, tensors) : tensors, shards);
  } catch (error) {
    await Promise.all(shards.map((source) => source.close()));
    throw error;
  }
}

function joinShards(
  path: string,
  metadata: ReadonlyMap<string, string>,
  tensors: TensorEntry[],
  shards: ByteSource[],
): SafetensorsFiles {
  return {
    path,
    metadata,
    tensors,
    shards,
    fileBytes: shards.reduce((sum, source) => sum + source.size, 0),
    async read(entry, offset, length) {
      const range = tensorRange(entry, offset, length);
      return shards[entry.shard]!.read(range.offset, range.length);
    },
    async readInto(entry, target, offset = 0) {
      await shards[entry.shard]!.readInto(target, tensorRange(entry, offset, target.length).offset);
    },
    async close() {
      await Promise.all(shards.map((source) => source.close()));
    },
  };
}

function explainMissing(error: unknown, shardPath: string, indexPath: string | undefined): never {
  if (indexPath !== undefined && error instanceof AppError && error.code === 'FILE_NOT_FOUND') {
    throw new AppError(
      'FILE_NOT_FOUND',
      `${shardPath} is missing: ${basename(indexPath)} names it; download it into ${dirname(indexPath)}.`,
      { path: shardPath },
      error,
    );
  }
  throw error;
}

async function listShards(folder: string): Promise<ShardList> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw AppError.from(error);
  });
  if (names.includes(indexName)) return readIndex(folder, join(folder, indexName));
  if (names.includes(weightsName)) return { paths: [join(folder, weightsName)], index: null };
  const candidates = names.filter((name) => name.endsWith('.safetensors'));
  if (candidates.length === 1) return { paths: [join(folder, candidates[0]!)], index: null };
  if (candidates.length === 0) {
    throw new AppError(
      'FILE_NOT_FOUND',
      `${folder} has no safetensors weights: ${weightsName} or ${indexName} is needed.`,
      { path: folder },
    );
  }
  throw new AppError(
    'USAGE',
    `${folder} has ${candidates.length} safetensors files and no ${indexName} that says how they belong together.`,
    {
      path: folder,
      candidates,
    },
  );
}

async function readIndex(folder: string, path: string): Promise<ShardList> {
  const map = (await readJsonFile(path))['weight_map'];
  if (!isJsonObject(map)) {
    throw malformed(path, 'weight_map', {
      expected: 'an object of tensor and file names',
      actual: typeof map,
      key: 'weight_map',
    });
  }
  const shards = new Map<string, number>();
  const shardOf = new Map<string, number>();
  for (const [tensor, name] of Object.entries(map)) {
    // A name with a folder in it could lead anywhere on this machine.
    if (typeof name !== 'string' || !name.endsWith('.safetensors') || /[\\/]/.test(name)) {
      throw malformed(path, `tensor ${tensor}`, {
        expected: 'the name of a safetensors file beside the index',
        actual: JSON.stringify(name),
        tensor,
      });
    }
    if (!shards.has(name)) shards.set(name, shards.size);
    shardOf.set(tensor, shards.get(name)!);
  }
  return { paths: [...shards.keys()].map((name) => join(folder, name)), index: { path, shardOf } };
}

/** The tensors that the index names, each from the shard it names. */
function pickIndexed(index: NonNullable<ShardList['index']>, paths: string[], tensors: TensorEntry[]): TensorEntry[] {
  const picked = tensors.filter((entry) => index.shardOf.get(entry.name) === entry.shard);
  if (picked.length < index.shardOf.size) {
    const found = new Set(picked.map((entry) => entry.name));
    const [tensor, shard] = [...index.shardOf].find(([name]) => !found.has(name))!;
    throw malformed(paths[shard]!, `tensor ${tensor}`, {
      expected: `the tensor in this file, as ${basename(index.path)} says`,
      actual: 'no such tensor',
      tensor,
    });
  }
  return picked;
}
