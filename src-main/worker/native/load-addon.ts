// Loads the native addon once per process.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import type { MathAddon } from './addon-types.ts';

/** Built there by node-gyp; a bundled worker in dist/ finds the same folder two levels up. */
const addonPath = 'native/build/Release/snug_math.node';

let loaded: MathAddon | null = null;

/** The addon. @throws NATIVE_UNAVAILABLE with what to do */
export function loadAddon(): MathAddon {
  loaded ??= load(findAddon(import.meta.dirname));
  return loaded;
}

/** The addon's file above `start`, or null. */
export function findAddon(start: string): string | null {
  for (let folder = start; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, addonPath);
    if (existsSync(candidate)) return candidate;
    if (folder === path.dirname(folder)) return null;
  }
}

function load(file: string | null): MathAddon {
  if (file === null) {
    throw new AppError(
      'NATIVE_UNAVAILABLE',
      `The native addon is not built. "npm run demo" builds it; that needs a C++20 compiler, make and Python 3 (Debian: apt install g++ make python3; macOS: xcode-select --install; Windows: Visual Studio Build Tools).`,
      { missing: addonPath },
    );
  }
  try {
    return createRequire(import.meta.url)(file) as MathAddon;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError(
      'NATIVE_UNAVAILABLE',
      `The native addon does not load: ${reason}. Build it again with "npm run demo".`,
      { file, reason },
      error,
    );
  }
}
