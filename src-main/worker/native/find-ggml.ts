// Finds libggml-base among the libraries that node-llama-cpp ships for this machine. Files are found by pattern: the
// names carry a release and differ per system.
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { AppError } from '../../contract/errors.ts';

/** A folder of llama.cpp's libraries to use instead of the package's. */
const folderVariable = 'SNUG_LLAMA_FOLDER';

/** Linux libggml-base.so, macOS libggml-base.dylib, Windows ggml-base.dll; with or without a release in the name. */
const libraryPattern = /^(lib)?ggml-base[^/\\]*\.(so|dylib|dll)(\.[\d.]+)?$/;

/** Names of node-llama-cpp's plain CPU package on this machine: every other package has the same libggml-base. */
function packageNames(): string[] {
  const systems: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'mac', win32: 'win' };
  const system = systems[process.platform];
  if (system === undefined) return [];
  const processor = process.arch === 'arm' ? 'armv7l' : process.arch;
  // On Apple Silicon the only package is the one with Metal.
  return [`${system}-${processor}`, `${system}-${processor}-metal`];
}

/** Folders that may hold the library, best first. */
export function ggmlFolders(): string[] {
  const chosen = process.env[folderVariable];
  if (chosen) return [chosen];
  const require = createRequire(import.meta.url);
  const folders: string[] = [];
  for (const name of packageNames()) {
    // The packages per system lie beside the others, or below node-llama-cpp, wherever that was installed.
    for (const base of require.resolve.paths('node-llama-cpp') ?? []) {
      folders.push(path.join(base, '@node-llama-cpp', name, 'bins', name));
      folders.push(path.join(base, 'node-llama-cpp', 'node_modules', '@node-llama-cpp', name, 'bins', name));
    }
  }
  return folders;
}

/** Path of libggml-base. @throws NATIVE_UNAVAILABLE with the folders that were searched */
export function findGgmlBase(folders: readonly string[] = ggmlFolders()): string {
  for (const folder of folders) {
    const name = listed(folder).find((file) => libraryPattern.test(file));
    if (name !== undefined) return path.join(folder, name);
  }
  throw new AppError(
    'NATIVE_UNAVAILABLE',
    `libggml-base was not found. It comes with the optional packages @node-llama-cpp/*: run npm ci without --omit=optional, or name a folder of llama.cpp's libraries in ${folderVariable}.`,
    { searched: [...folders], platform: process.platform, processor: process.arch },
  );
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return []; // a folder that is not there holds nothing; the error above names all that were searched
  }
}
