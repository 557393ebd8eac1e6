// Opens a GGUF model: one file, or the set of files it was split into, as one list of tensors.
// Source of the split form: llama.cpp tools/gguf-split and src/llama-model-loader.cpp (split.no, split.count).
import { basename, dirname, join } from 'node:path';
import { AppError, malformed } from '../../contract/errors.ts';
import type { ByteSource } from './byte-source.ts';
import { openFileSource } from './file-source.ts';
import { readGgufHeader } from './gguf-header.ts';
import type { GgufHeader } from './gguf-header.ts';
import type { GgufMetadata } from './gguf-values.ts';
import { tensorRange } from './tensor.ts';
import type { TensorEntry } from './tensor.ts';

export interface GgufOptions {
  /** Accept files that end before their tensor data does; reading such data then fails. */
  headerOnly?: boolean;
}

export interface GgufModel {
  /** The file, or the first one of a split set. */
  readonly path: string;
  readonly version: number;
  readonly alignment: number;
  /** Of a split set without its split.* keys: it describes the whole. */
  readonly metadata: GgufMetadata;
  /** In file order, shard after shard. */
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

interface Shard {
  source: ByteSource;
  header: GgufHeader;
}

const splitKeys = ['split.no', 'split.count', 'split.tensors.count'];
const shardName = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/;

/**
 * Opens a GGUF file or, given any shard, the set it belongs to. Reads headers only: time and memory follow the
 * header's size, not the model's.
 * @throws FILE_NOT_FOUND when the file or a shard is missing, FILE_MALFORMED when one breaks the format
 */
export async function openGguf(path: string, options: GgufOptions = {}): Promise<GgufModel> {
  const opened: ByteSource[] = [];
  async function openShard(shardPath: string, shard: number): Promise<Shard> {
    const source = await openFileSource(shardPath);
    opened.push(source);
    return { source, header: await readGgufHeader(source, { ...options, shard }) };
  }
  try {
    const given = await openShard(path, 0);
    const count = given.header.metadata.integer('split.count', 1);
    if (count <= 1) return joinShards([given]);
    const paths = shardPaths(path, count);
    const shards: Shard[] = [];
    for (const [index, shardPath] of paths.entries()) {
      shards.push(
        await openShard(shardPath, index).catch((error: unknown) => explainMissing(error, shardPath, path, count)),
      );
      checkSplit(shards[index]!, index, count);
    }
    await given.source.close();
    return joinShards(shards);
  } catch (error) {
    await Promise.all(opened.map((source) => source.close()));
    throw error;
  }
}

function explainMissing(error: unknown, shardPath: string, path: string, count: number): never {
  if (error instanceof AppError && error.code === 'FILE_NOT_FOUND') {
    throw new AppError(
      'FILE_NOT_FOUND',
      `${shardPath} is missing: ${basename(path)} is one of ${count} files of a model; put all of them into one folder.`,
      {
        path: shardPath,
        shards: count,
      },
      error,
    );
  }
  throw error;
}

/** The paths of a set, told from the name of one of its files. */
function shardPaths(path: string, count: number): string[] {
  const match = shardName.exec(basename(path));
  if (!match || Number(match[3]) !== count) {
    const expected = `a name that ends in -NNNNN-of-${String(count).padStart(5, '0')}.gguf, as key split.count is ${count}`;
    throw malformed(path, 'file name', { expected, actual: basename(path), key: 'split.count' });
  }
  const ending = `-of-${match[3]}.gguf`;
  return Array.from({ length: count }, (_, index) =>
    join(dirname(path), `${match[1]}-${String(index + 1).padStart(5, '0')}${ending}`),
  );
}

function checkSplit({ source, header }: Shard, index: number, count: number): void {
  for (const [key, expected] of [
    ['split.no', index],
    ['split.count', count],
  ] as const) {
    const actual = header.metadata.integer(key);
    if (actual !== expected)
      throw malformed(source.name, `key ${key}`, { expected: String(expected), actual: String(actual), key });
  }
}

function joinShards(shards: Shard[]): GgufModel {
  const first = shards[0]!;
  const sources = shards.map((shard) => shard.source);
  const tensors = shards.flatMap((shard) => shard.header.tensors);
  if (shards.length > 1) checkWhole(first, tensors);
  return {
    path: first.source.name,
    version: first.header.version,
    alignment: first.header.alignment,
    metadata: shards.length > 1 ? withoutSplit(first.header.metadata) : first.header.metadata,
    tensors,
    shards: sources,
    fileBytes: sources.reduce((sum, source) => sum + source.size, 0),
    async read(entry, offset, length) {
      const range = tensorRange(entry, offset, length);
      return sources[entry.shard]!.read(range.offset, range.length);
    },
    async readInto(entry, target, offset = 0) {
      await sources[entry.shard]!.readInto(target, tensorRange(entry, offset, target.length).offset);
    },
    async close() {
      await Promise.all(sources.map((source) => source.close()));
    },
  };
}

/** A set has every tensor once, and as many as its first file says. */
function checkWhole(first: Shard, tensors: TensorEntry[]): void {
  const key = 'split.tensors.count';
  const promised = first.header.metadata.integer(key, tensors.length);
  if (promised !== tensors.length) {
    throw malformed(first.source.name, `key ${key}`, {
      expected: `${tensors.length}, the tensors of all files`,
      actual: String(promised),
      key,
    });
  }
  const names = new Set<string>();
  for (const { name, shard } of tensors) {
    if (names.has(name)) {
      throw malformed(first.source.name, `tensor ${name}`, {
        expected: 'each tensor in one file of the set',
        actual: `a second one in file ${shard + 1}`,
        tensor: name,
      });
    }
    names.add(name);
  }
}

function withoutSplit(metadata: GgufMetadata): GgufMetadata {
  const whole = metadata.clone();
  for (const key of splitKeys) whole.delete(key);
  return whole;
}
