// What this machine has: memory and disks.
import { stat, statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';

export interface System {
  /** Memory that this process may have at most: the machine's, or a container's. */
  totalMemory: () => number;
  /** Of it, what can be had now. */
  availableMemory: () => number;
  /** A folder's disk, and its free bytes, null where the file system does not say; null for a folder that is not there. */
  diskOf: (folder: string) => Promise<{ device: number; freeBytes: number | null } | null>;
}

export const thisSystem: System = {
  totalMemory: () => Math.min(totalmem(), process.constrainedMemory() || Infinity),
  availableMemory: () => process.availableMemory(),
  diskOf: async (folder) => {
    try {
      const [{ dev: device }, disk] = await Promise.all([stat(folder), statfs(folder)]);
      return { device, freeBytes: disk.blocks === 0 ? null : disk.bavail * disk.bsize };
    } catch {
      return null;
    }
  },
};
