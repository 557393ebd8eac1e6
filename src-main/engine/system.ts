// What this machine has: memory and disks.
import { stat, statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import path from 'node:path';

export interface System {
  /** Memory that this process may have at most: the machine's, or a container's. */
  totalMemory: () => number;
  /** Of it, what can be had now. */
  availableMemory: () => number;
  /** A folder's disk, and its free bytes, null where the file system does not say; of one that is not there yet, those of the folder it will be in. */
  diskOf: (folder: string) => Promise<{ device: number; freeBytes: number | null } | null>;
}

export const thisSystem: System = {
  totalMemory: () => Math.min(totalmem(), process.constrainedMemory() || Infinity),
  availableMemory: () => process.availableMemory(),
  diskOf: async (folder) => {
    try {
      const place = await nearestFolder(folder);
      const [{ dev: device }, disk] = await Promise.all([stat(place), statfs(place)]);
      return { device, freeBytes: disk.blocks === 0 ? null : disk.bavail * disk.bsize };
    } catch {
      return null;
    }
  },
};

/** The folder itself, or the one in which it will be made. */
async function nearestFolder(folder: string): Promise<string> {
  const parent = path.dirname(folder);
  const isThere = await stat(folder).then(
    () => true,
    () => false,
  );
  return isThere || parent === folder ? folder : nearestFolder(parent);
}
