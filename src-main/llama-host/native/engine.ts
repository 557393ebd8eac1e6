// The engine of this process: libraries opened, layout proved, back ends loaded, once and on first use.
import type { LlamaAddon } from './addon-types.ts';
import { findLibraries } from './find-libraries.ts';
import { loadGpuBackends, type MissingBackend } from './gpu-backends.ts';
import { loadAddon } from './load-addon.ts';
import { nativeError } from './native-error.ts';

/** Values of llama_version() whose layout native/llama/abi.h describes. Adding one: native/llama/README.md. */
export const knownReleases = ['0.4.0-dev'] as const;

export interface Engine {
  addon: LlamaAddon;
  release: string;
  ggmlVersion: string;
  folder: string;
  missing: MissingBackend[];
}

let engine: Engine | null = null;

/** @throws LLAMA_UNAVAILABLE, NATIVE_UNAVAILABLE */
export function openEngine(): Engine {
  if (engine) return engine;
  // Without it a failed assertion in ggml starts a debugger before it ends the process.
  process.env['GGML_NO_BACKTRACE'] = '1';
  const { folder, base, ggml, llama } = findLibraries();
  const addon = loadAddon();
  try {
    const opened = addon.open({ base, ggml, llama, backendFolder: folder, knownReleases });
    engine = { addon, ...opened, folder, missing: loadGpuBackends(addon) };
  } catch (error) {
    throw nativeError(error, { folder });
  }
  return engine;
}
