// Where a task keeps the file that it is writing, for the attempt after a stop.
import { createHash } from 'node:crypto';
import path from 'node:path';
import { version } from '../../contract/version.ts';
import type { KeptPart } from '../../core/formats/kept-part.ts';
import { sampledHash, sampledHashOf } from '../library/model-hash.ts';
import type { JobContext } from './context.ts';

interface KeptFile {
  /** The model that is read; that it is unchanged since the job began is checked when it is taken up (run-inputs.ts). */
  source: string;
  /** Other files that are read. */
  files: readonly string[];
  /** What else decides the bytes, as JSON. */
  inputs: unknown;
}

/** A folder of the job's under the name of what is made, and the key of all that decides it. */
export async function keptFile(context: JobContext, { source, files, inputs }: KeptFile): Promise<KeptPart> {
  const hashes = [await sampledHash(source), await sampledHashOf(files)];
  const key = createHash('sha256')
    .update(JSON.stringify({ version, threads: context.threads, hashes, inputs }))
    .digest('hex');
  return { folder: path.join(context.checkpoints, `file-${key.slice(0, 16)}`), key };
}
