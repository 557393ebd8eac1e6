// Writes a folder of weights and small files. Nothing appears under its name before all of it is complete; the weights
// come last, without which no folder is taken for a model.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../contract/errors.ts';
import { createOutput } from '../../formats/output-file.ts';
import type { OutputFile } from '../../formats/output-file.ts';
import { createSafetensorsWriter } from '../../formats/safetensors-writer.ts';
import type { SafetensorsWriter } from '../../formats/safetensors-writer.ts';
import type { TensorShape } from '../../formats/tensor.ts';
import { ofAllFiles } from '../weights/written-files.ts';
import { companionNames } from './companion-files.ts';

export interface FolderRequest {
  /** Made where only its parent is there; must be empty unless `force` is set. */
  folder: string;
  /** Small files, config.json among them: content by name. */
  files: ReadonlyMap<string, Uint8Array>;
  tensors: readonly TensorShape[];
  /** Replace a model that is there. @default false */
  force?: boolean;
  /** Most data bytes of one file of weights. @default 5e9 */
  maxShardBytes?: number;
  signal: AbortSignal;
}

export interface FolderResult {
  /** Of the weights: all files. */
  fileBytes: number;
  /** Of the weights' file; of several: of their lines `HASH  NAME`, in order. */
  sha256: string;
}

/**
 * Writes the folder; `fill` writes every tensor once, in any order. A failure or a cancel leaves nothing of it.
 * @throws OUTPUT_EXISTS, FILE_NOT_FOUND, DISK_FULL, CANCELLED, and whatever `fill` throws
 */
export async function writeModelFolder(
  request: FolderRequest,
  fill: (writer: SafetensorsWriter) => Promise<void>,
): Promise<FolderResult> {
  const { folder, files, tensors, signal, force = false, maxShardBytes } = request;
  try {
    signal.throwIfAborted();
    if (!force) await refuseUsed(folder);
    const options = { metadata: { format: 'pt' }, force, ...(maxShardBytes === undefined ? {} : { maxShardBytes }) };
    const writer = await createSafetensorsWriter(folder, tensors, options);
    const outputs: OutputFile[] = [];
    try {
      await fill(writer);
      for (const [name, content] of files) {
        const output = await createOutput(join(folder, name), { force, expectedBytes: content.length });
        outputs.push(output);
        await output.write(content, 0);
      }
      signal.throwIfAborted();
      const weights = await commitAll(writer, outputs);
      for (const name of companionNames) if (!files.has(name)) await rm(join(folder, name), { force: true });
      return ofAllFiles(weights);
    } catch (error) {
      for (const output of outputs) await output.discard();
      await writer.discard();
      throw error;
    }
  } catch (error) {
    throw AppError.from(error);
  }
}

/** Gives the small files and then the weights their names; a failure takes all of them back. */
async function commitAll(
  writer: SafetensorsWriter,
  outputs: readonly OutputFile[],
): ReturnType<SafetensorsWriter['finish']> {
  const committed: string[] = [];
  try {
    for (const output of outputs) {
      await output.commit();
      committed.push(output.path);
    }
    return await writer.finish();
  } catch (error) {
    for (const path of committed) await rm(path, { force: true });
    throw error;
  }
}

async function refuseUsed(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw AppError.from(error);
  });
  if (names.length === 0) return;
  const message = `${folder} is not empty: choose another folder, or use --force to replace the model in it.`;
  throw new AppError('OUTPUT_EXISTS', message, { path: folder });
}
