// What an export of one or several files of weights answers.
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { WrittenFile } from '../../formats/tensor-writer.ts';

/**
 * Bytes of all files, and one checksum: that of a single file is its own; of several it is the SHA-256 of their
 * lines `HASH  NAME\n` in order, as `sha256sum FILES | sha256sum` gives it.
 */
export function ofAllFiles(files: readonly (WrittenFile & { path: string })[]): WrittenFile {
  const fileBytes = files.reduce((sum, file) => sum + file.fileBytes, 0);
  const [first] = files;
  if (files.length === 1 && first) return { fileBytes, sha256: first.sha256 };
  const lines = files.map(({ sha256, path }) => `${sha256}  ${basename(path)}\n`).join('');
  return { fileBytes, sha256: createHash('sha256').update(lines).digest('hex') };
}
