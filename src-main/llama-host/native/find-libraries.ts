// Finds the prebuilt libraries of llama.cpp inside node-llama-cpp's platform packages. File names carry variant and
// release (libllama.v0.4.0.so, libllama.cuda.v0.4.0.so), so they are found by pattern, never by a fixed name.
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';

/** Folder with the three libraries and the CPU back ends, instead of the installed package. */
export const folderVariable = 'SNUG_LLAMA_FOLDER';

export interface LlamaLibraries {
  folder: string;
  base: string;
  ggml: string;
  llama: string;
}

const patterns = {
  base: /^(lib)?ggml-base\.(so|dylib|dll)$/,
  ggml: /^(lib)?ggml(\.[a-z]+)?(\.v[\d.]+)?\.(so|dylib|dll)$/,
  llama: /^(lib)?llama(\.[a-z]+)?(\.v[\d.]+)?\.(so|dylib|dll)$/,
};

const systemNames: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'mac', win32: 'win' };

/** Names of this platform's packages: the plain one first, then those with a GPU back end. */
export function packageNames(
  platform: NodeJS.Platform,
  architecture: string,
): { cpu: string[]; cuda: string[]; vulkan: string[] } {
  const system = systemNames[platform];
  if (!system) return { cpu: [], cuda: [], vulkan: [] };
  const base = `@node-llama-cpp/${system}-${architecture === 'arm' ? 'armv7l' : architecture}`;
  if (system === 'mac') return { cpu: [`${base}-metal`, base], cuda: [], vulkan: [] };
  return { cpu: [base], cuda: [`${base}-cuda`, `${base}-cuda-ext`], vulkan: [`${base}-vulkan`] };
}

/** Folders of an installed package that hold libraries (bins/NAME and below); none when it is not installed. */
export function libraryFolders(packageName: string): string[] {
  const root = packageRoot(packageName);
  if (root === null) return [];
  const bins = path.join(root, 'bins');
  if (!existsSync(bins)) return [];
  return readdirSync(bins, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort((a, b) => a.length - b.length);
}

/** The package above this file, or as node-llama-cpp itself would find it. */
function packageRoot(packageName: string): string | null {
  for (const start of [import.meta.dirname, folderOf('node-llama-cpp')]) {
    for (let folder = start; folder !== null; folder = parentOf(folder)) {
      const candidate = path.join(folder, 'node_modules', packageName);
      // The system's loader cannot read inside Electron's archive; libraries lie unpacked beside it.
      if (existsSync(candidate)) return candidate.replace(/\bapp\.asar(?=[\\/])/, 'app.asar.unpacked');
    }
  }
  return null;
}

function parentOf(folder: string): string | null {
  const parent = path.dirname(folder);
  return parent === folder ? null : parent;
}

function folderOf(packageName: string): string | null {
  try {
    return path.dirname(createRequire(import.meta.url).resolve(packageName));
  } catch {
    return null;
  }
}

function librariesIn(folder: string): LlamaLibraries | null {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const [base, ggml, llama] = [patterns.base, patterns.ggml, patterns.llama].map((pattern) =>
    names.find((name) => pattern.test(name)),
  );
  if (!base || !ggml || !llama) return null;
  return { folder, base: path.join(folder, base), ggml: path.join(folder, ggml), llama: path.join(folder, llama) };
}

/** @throws LLAMA_UNAVAILABLE when no folder has the three libraries. */
export function findLibraries(): LlamaLibraries {
  const override = process.env[folderVariable];
  const { cpu } = packageNames(process.platform, process.arch);
  const folders = override ? [override] : cpu.flatMap(libraryFolders);
  for (const folder of folders) {
    const found = librariesIn(folder);
    if (found) return found;
  }
  const where = override
    ? `the folder ${override} (${folderVariable})`
    : `the packages ${cpu.join(', ') || `for ${process.platform}`}`;
  throw new AppError('LLAMA_UNAVAILABLE', `llama.cpp's libraries were not found in ${where}: run "npm ci".`, {
    folders,
  });
}

/** The back end's own library in a folder, for example libggml-cuda.so. */
export function backendLibrary(folder: string, backend: string): string | null {
  const name = readdirSync(folder).find((file) => new RegExp(`^(lib)?ggml-${backend}\\.(so|dll)$`).test(file));
  return name === undefined ? null : path.join(folder, name);
}
