// Sizes as people write them and as results carry them. GB = 10^9 for files, GiB = 2^30 for memory; never mixed.
import { z } from 'zod';
import { AppError } from './errors.ts';

export const bytes = z.number().int().nonnegative();

const unitFactors: Record<string, number> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};

/** Bytes of `24GB` (10^9), `24GiB` (2^30) or a bare number; case of the unit does not matter. @throws USAGE */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const factor = match ? unitFactors[match[2]!.toUpperCase()] : undefined;
  if (!match || factor === undefined) {
    throw new AppError('USAGE', `"${text}" is not a size: write for example 24GB, 22.5GiB or a number of bytes.`, {
      value: text,
    });
  }
  const size = Math.round(Number(match[1]) * factor);
  if (!Number.isSafeInteger(size)) throw new AppError('USAGE', `"${text}" is too large for a size.`, { value: text });
  return size;
}

function scaled(value: number, step: number, units: readonly string[]): string {
  let index = 0;
  let rest = value;
  while (Math.abs(rest) >= step && index < units.length - 1) {
    rest /= step;
    index += 1;
  }
  return index === 0 ? `${value} ${units[0]}` : `${rest.toFixed(rest < 10 ? 2 : 1)} ${units[index]}`;
}

/** A file's size for people, in powers of 1000: `18.7 GB`. */
export function formatFileSize(size: number): string {
  return scaled(size, 1000, ['B', 'kB', 'MB', 'GB', 'TB']);
}

/** A memory size for people, in powers of 1024: `22.8 GiB`. */
export function formatMemory(size: number): string {
  return scaled(size, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']);
}

/** Seconds for people: `8 s`, `6 min`, `2 h 5 min`. */
export function formatDuration(seconds: number): string {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
