// Whether what lies at a path is still what was placed there.
import { createHash } from 'node:crypto';
import type { InstallFile } from '../catalog/installs.ts';

interface Identity {
  dev: bigint;
  ino: bigint;
  size: bigint;
  mtimeMs: bigint;
}

export const inodeOf = ({ dev, ino }: Pick<Identity, 'dev' | 'ino'>): string => `${dev}:${ino}`;

/** Whether a file is the one that was placed, byte for byte as far as inode, size and time of change tell. */
export const isUnchanged = ({ inode, bytes, modified }: InstallFile, found: Identity): boolean =>
  inode === inodeOf(found) && bytes === Number(found.size) && (modified === null || modified === Number(found.mtimeMs));

export const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');
