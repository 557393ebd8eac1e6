// Where a LAPACK may be: a fixed list, best first. Each is proved by the addon before use.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { findAddon } from './load-addon.ts';

/** A library to use instead of those found, or `off`. */
export const lapackVariable = 'SNUG_LAPACK';

/** Names that the system's loader looks up; OpenBLAS before MKL, whose licence the user has accepted by installing it. */
const systemLibraries: Partial<Record<NodeJS.Platform, string[]>> = {
  linux: ['libopenblas.so.0', 'libopenblas.so', 'libmkl_rt.so.2', 'libmkl_rt.so.1', 'libmkl_rt.so'],
  darwin: [
    '/System/Library/Frameworks/Accelerate.framework/Accelerate',
    'libopenblas.0.dylib',
    'libopenblas.dylib',
    'libmkl_rt.2.dylib',
  ],
  win32: ['libopenblas.dll', 'mkl_rt.2.dll', 'mkl_rt.1.dll'],
};

/** Linux libscipy_openblas.so, macOS .dylib, Windows .dll. */
const libraryPattern = /openblas[^/\\]*\.(so|dylib|dll)(\.\d+)*$/;

/** Paths and names to try in order; none when the user has switched LAPACK off. */
export function lapackCandidates(): string[] {
  const chosen = process.env[lapackVariable];
  if (chosen === 'off') return [];
  if (chosen) return [chosen];
  return [...broughtAlong(), ...(systemLibraries[process.platform] ?? [])];
}

/** What scripts/openblas.mjs has put beside the addon. */
function broughtAlong(): string[] {
  const addon = findAddon(import.meta.dirname);
  if (addon === null) return [];
  const folder = path.resolve(addon, '../../openblas');
  try {
    return readdirSync(folder)
      .filter((file) => libraryPattern.test(file))
      .toSorted()
      .map((file) => path.join(folder, file));
  } catch {
    return []; // set-up could not fetch one: nothing that must be there
  }
}
