// Checks of parameters before a native call, and settings as the addon takes them.
import { existsSync } from 'node:fs';
import { AppError } from '../../contract/errors.ts';
import type { KvType, LlamaSettings } from '../../contract/llama-host-api.ts';
import type { NativeSettings } from './addon-types.ts';
import { defaultThreads } from './threads.ts';

/** Tokens of the longest window; llama.cpp counts positions in int32, and so many fit no memory. */
const longestWindow = 1 << 24;

const flashAttentionNumbers = { auto: -1, off: 0, on: 1 } as const;
const plainTypes: readonly KvType[] = ['f32', 'f16', 'bf16'];

/** @throws FILE_NOT_FOUND */
export function requireFile(file: string): void {
  if (!existsSync(file)) throw new AppError('FILE_NOT_FOUND', `There is no file ${file}.`, { path: file });
}

/** @throws USAGE for no windows, or one that is shorter than `shortest` tokens */
export function requireWindows(windows: readonly Int32Array[], shortest: number): void {
  if (windows.length === 0) throw new AppError('USAGE', 'There is no window of tokens to run.');
  windows.forEach((window, index) => {
    if (window.length < shortest || window.length > longestWindow) {
      throw new AppError(
        'USAGE',
        `Window ${index} has ${window.length} tokens; it needs ${shortest} to ${longestWindow}.`,
        { index },
      );
    }
  });
}

/** Settings for a call that computes. @throws USAGE as `sizeSettings` does */
export async function runSettings(settings: LlamaSettings): Promise<NativeSettings> {
  return { ...sizeSettings(settings), threads: settings.threads ?? (await defaultThreads()) };
}

/**
 * Settings for a call that only asks for sizes; one thread, as they do not depend on it.
 * @throws USAGE for a quantised V cache without flash attention, which llama.cpp does not have
 */
export function sizeSettings(settings: LlamaSettings): NativeSettings {
  const { gpuLayers, cpuExpertLayers, kvTypeK, kvTypeV } = settings;
  const needsFlashAttention = !plainTypes.includes(kvTypeV);
  if (needsFlashAttention && settings.flashAttention === 'off') {
    throw new AppError('USAGE', `A V cache of type ${kvTypeV} needs flash attention: leave it on, or use f16.`, {
      kvTypeV,
    });
  }
  return {
    gpuLayers,
    cpuExpertLayers,
    kvTypeK,
    kvTypeV,
    threads: 1,
    flashAttention: needsFlashAttention ? 1 : flashAttentionNumbers[settings.flashAttention],
  };
}

/** Highest memory of this process so far. */
export function peakMemoryBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}
