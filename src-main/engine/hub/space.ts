// Room on this machine for what comes from a hub, looked at before it is fetched or written.
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { formatHubAddress, type HubAddress } from '../../contract/hub-address.ts';
import { formatFileSize } from '../../contract/units.ts';
import { freeBytes } from '../../core/formats/disk-space.ts';

/** Of a disk, by a path on it. */
export type FreeBytes = (path: string) => Promise<number>;

/** What is to be written below a folder. */
export interface Need {
  folder: string;
  bytes: number;
}

/** Left free on the disk beside the model: a disk that is full to the last byte stops more than Snug. */
const reserveBytes = 64 * 2 ** 20;

/**
 * Checks that the disks of `needs`, whose folders are made, have room for all of them together.
 * @param free what the system says, by default
 * @throws DISK_FULL with needed and free bytes
 */
export async function requireRoom(
  address: HubAddress,
  needs: readonly Need[],
  free: FreeBytes = freeBytes,
): Promise<void> {
  const perDisk = new Map<number, Need>();
  for (const { folder, bytes } of needs) {
    if (bytes === 0) continue;
    const device = await deviceOf(folder);
    const known = perDisk.get(device);
    perDisk.set(device, { folder: known?.folder ?? folder, bytes: bytes + (known?.bytes ?? 0) });
  }
  for (const { folder, bytes } of perDisk.values()) {
    const [needed, available] = [bytes + reserveBytes, await free(path.join(folder, 'file'))];
    if (needed <= available) continue;
    const message = `${formatHubAddress(address)} does not fit the disk of ${folder}: ${formatFileSize(needed)} are needed, ${formatFileSize(available)} are free. Make room, or move the user data with SNUG_HOME.`;
    throw new AppError('DISK_FULL', message, { path: folder, needed, free: available });
  }
}

async function deviceOf(folder: string): Promise<number> {
  try {
    await mkdir(folder, { recursive: true });
    return (await stat(folder)).dev;
  } catch (error) {
    throw AppError.from(error);
  }
}
