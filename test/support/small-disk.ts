// A disk of a few megabytes, where this machine lets a test mount one.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

const newFolder = (): string => mkdtempSync(path.join(tmpdir(), 'snug-small-disk-'));

export const canMount = ((): boolean => {
  const folder = newFolder();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]).status === 0;
  if (mounted) spawnSync('umount', [folder]);
  rmdirSync(folder);
  return mounted;
})();

/** An empty disk until the test ends. */
export function smallDisk(megabytes: number): {
  folder: string;
  grow: (megabytes: number) => void;
  /** Nothing may have a file of it open for writing. */
  makeReadOnly: () => void;
} {
  const folder = newFolder();
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
  onTestFinished(() => {
    spawnSync('umount', ['-l', folder]);
    rmdirSync(folder);
  });
  const remount = (options: string): void => void execFileSync('mount', ['-o', `remount,${options}`, folder]);
  return { folder, grow: (size) => remount(`size=${size}m`), makeReadOnly: () => remount('ro') };
}
