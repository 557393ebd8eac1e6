// Shared by these tests: the handlers in this process, settings, token rows, and small readers of reference data.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import type { AppError } from '../../src-main/contract/errors.ts';
import { exactSettings, llamaSettings, type LlamaSettings } from '../../src-main/contract/llama-host-api.ts';
import type { Progress } from '../../src-main/contract/progress.ts';
import { createHandlers } from '../../src-main/llama-host/handlers.ts';
import { architectures } from '../support/paths.ts';

export const handlers = createHandlers();

/** What a caller gives: a signal, and a place for progress. */
export function caller(signal = new AbortController().signal): {
  signal: AbortSignal;
  progress: (told: Progress) => void;
  told: Progress[];
} {
  const told: Progress[] = [];
  return { signal, progress: (progress) => void told.push(progress), told };
}

/** For methods without progress. */
export const plainCaller = { signal: new AbortController().signal, progress: (_: never): void => {} };

/** One thread: test files run side by side, and llama.cpp's threads spin while they wait for each other. */
export const defaults: LlamaSettings = llamaSettings.parse({ threads: 1 });
export const exact: LlamaSettings = llamaSettings.parse({ ...exactSettings, threads: 1 });

/** A folder that is gone after the tests of this file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'snug-llama-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}

/** The two rows of golden/architectures, each a window of 256 tokens. */
export function goldenRows(): Int32Array[] {
  const { input_ids } = readJson<{ input_ids: number[][] }>(path.join(architectures!, 'input.tokens.json'));
  return input_ids.map((row) => Int32Array.from(row));
}

export function mean(values: Iterable<number>): number {
  let sum = 0;
  let count = 0;
  for (const value of values) {
    sum += value;
    count += 1;
  }
  return sum / count;
}

/** The AppError that a call ends with. */
export async function failureOf(call: () => unknown): Promise<AppError> {
  try {
    await call();
  } catch (error) {
    return error as AppError;
  }
  throw new Error('the call did not fail');
}

/** Tokens that every model with at least 4,096 ids has; no meaning. */
export function someTokens(length: number, seed = 1): Int32Array {
  let state = seed;
  return Int32Array.from({ length }, () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return 10 + (state % 4000);
  });
}
