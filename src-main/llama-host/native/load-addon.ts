// Loads the native addon of this room, once.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import type { LlamaAddon } from './addon-types.ts';

const relativePath = 'native/build/Release/snug_llama.node';

/** The addon's file: up from this one, whether it runs from source or bundled. */
function findAddon(): string {
  for (let folder = import.meta.dirname; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, relativePath);
    if (existsSync(candidate)) return candidate;
    if (folder === path.dirname(folder)) break;
  }
  throw new AppError(
    'NATIVE_UNAVAILABLE',
    `The native addon ${relativePath} is missing: build it with "npm run demo"; that needs a C++20 compiler, make and Python 3.`,
    {
      searchedFrom: import.meta.dirname,
    },
  );
}

let loaded: LlamaAddon | null = null;

/** @throws NATIVE_UNAVAILABLE when the addon is missing or does not load. */
export function loadAddon(): LlamaAddon {
  if (loaded) return loaded;
  const file = findAddon();
  try {
    loaded = createRequire(import.meta.url)(file) as LlamaAddon;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError('NATIVE_UNAVAILABLE', `The native addon ${file} does not load: ${reason}.`, { file }, error);
  }
  return loaded;
}
