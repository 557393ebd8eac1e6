// Writes the weights of a Hugging Face folder: model.safetensors, or shards with an index that names them.
// Nothing appears under its name before all of it is complete.
import { existsSync } from 'node:fs';
import { mkdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { createOutput } from './output-file.ts';
import type { OutputFile } from './output-file.ts';
import { safetensorsLayout, splitIntoShards } from './safetensors-layout.ts';
import { indexName, weightsName } from './safetensors-reader.ts';
import { TensorWriter } from './tensor-writer.ts';
import type { TensorContent, WrittenFile } from './tensor-writer.ts';
import type { TensorShape } from './tensor.ts';

export interface SafetensorsOptions {
  /** Most data bytes of one file; the default is that of transformers. @default 5e9 */
  maxShardBytes?: number;
  /** Free text for the header, such as `{ format: 'pt' }`, which transformers asks for. */
  metadata?: Readonly<Record<string, string>>;
  /** Replace weights that are there already. @default false */
  force?: boolean;
}

export interface SafetensorsWriter {
  /** Writes one tensor, in any order. @throws INTERNAL when it is unknown, comes twice or has another size; DISK_FULL */
  writeTensor(name: string, content: TensorContent): Promise<void>;
  /** Completes every file and gives them their names. */
  finish(): Promise<(WrittenFile & { path: string })[]>;
  /** Removes all that was written. */
  discard(): Promise<void>;
}

/**
 * Starts the weights of a model in `folder`, which is made if only its parent exists.
 * @throws OUTPUT_EXISTS, FILE_NOT_FOUND, DISK_FULL as createOutput; UNSUPPORTED_TYPE
 */
export async function createSafetensorsWriter(
  folder: string,
  tensors: readonly TensorShape[],
  options: SafetensorsOptions = {},
): Promise<SafetensorsWriter> {
  const { maxShardBytes = 5e9, metadata = {}, force = false } = options;
  const shards = splitIntoShards(tensors, maxShardBytes);
  const layouts = shards.map((shard, index) => safetensorsLayout(shard, metadata, index));
  const names = shards.length === 1 ? [weightsName] : shards.map((_, index) => shardFileName(index, shards.length));
  for (const name of [weightsName, indexName]) {
    const path = join(folder, name);
    if (!force && existsSync(path)) {
      throw new AppError('OUTPUT_EXISTS', `${path} exists: use --force to replace it, or choose another folder.`, {
        path,
      });
    }
  }
  const isNewFolder = await makeFolder(folder);
  const writer = new FolderWriter(folder, isNewFolder, force);
  try {
    const totalBytes = layouts.reduce((sum, layout) => sum + layout.fileBytes, 0);
    for (const [index, layout] of layouts.entries()) {
      // The first output asks for the space of all: none of it is used yet.
      const output = await createOutput(join(folder, names[index]!), {
        force,
        expectedBytes: index === 0 ? totalBytes : layout.fileBytes,
      });
      writer.addShard(names[index]!, await TensorWriter.begin(output, layout), shards[index]!);
    }
    return writer;
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

function shardFileName(index: number, count: number): string {
  return `model-${String(index + 1).padStart(5, '0')}-of-${String(count).padStart(5, '0')}.safetensors`;
}

/** @returns whether the folder is new */
async function makeFolder(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw AppError.from(error);
  }
}

class FolderWriter implements SafetensorsWriter {
  readonly #folder: string;
  readonly #isNewFolder: boolean;
  readonly #force: boolean;
  readonly #shards: { name: string; writer: TensorWriter }[] = [];
  /** Index of the shard of each tensor. */
  readonly #shardOf = new Map<string, number>();

  constructor(folder: string, isNewFolder: boolean, force: boolean) {
    this.#folder = folder;
    this.#isNewFolder = isNewFolder;
    this.#force = force;
  }

  addShard(name: string, writer: TensorWriter, tensors: readonly TensorShape[]): void {
    for (const tensor of tensors) this.#shardOf.set(tensor.name, this.#shards.length);
    this.#shards.push({ name, writer });
  }

  async writeTensor(name: string, content: TensorContent): Promise<void> {
    try {
      const shard = this.#shards[this.#shardOf.get(name) ?? -1];
      if (!shard) throw new AppError('INTERNAL', `${name} is no tensor of ${this.#folder}.`, { tensor: name });
      await shard.writer.writeTensor(name, content);
    } catch (error) {
      await this.discard();
      throw error;
    }
  }

  async finish(): Promise<(WrittenFile & { path: string })[]> {
    const outputs: OutputFile[] = this.#shards.map(({ writer }) => writer.output);
    const committed: string[] = [];
    try {
      const written = [];
      for (const { name, writer } of this.#shards) {
        written.push({ path: join(this.#folder, name), ...(await writer.complete()) });
      }
      if (outputs.length > 1) outputs.push(await this.#writeIndex());
      for (const output of outputs) {
        await output.commit();
        committed.push(output.path);
      }
      // What a forced run replaces may have had the other form, which readers would prefer or mix in.
      await rm(join(this.#folder, outputs.length > 1 ? weightsName : indexName), { force: true });
      return written;
    } catch (error) {
      for (const path of committed) await rm(path, { force: true });
      for (const output of outputs) await output.discard();
      await this.discard();
      throw error;
    }
  }

  async #writeIndex(): Promise<OutputFile> {
    const entries = [...this.#shardOf].map(
      ([tensor, shard]) => `    ${JSON.stringify(tensor)}: ${JSON.stringify(this.#shards[shard]!.name)}`,
    );
    const totalBytes = this.#shards.reduce((sum, { writer }) => sum + writer.dataBytes, 0);
    const text = `{\n  "metadata": {\n    "total_size": ${totalBytes}\n  },\n  "weight_map": {\n${entries.join(',\n')}\n  }\n}\n`;
    const output = await createOutput(join(this.#folder, indexName), {
      force: this.#force,
      expectedBytes: text.length,
    });
    await output.write(Buffer.from(text), 0);
    return output;
  }

  async discard(): Promise<void> {
    for (const { writer } of this.#shards) await writer.discard();
    // Stays when it holds anything else.
    if (this.#isNewFolder) await rmdir(this.#folder).catch(() => undefined);
  }
}
