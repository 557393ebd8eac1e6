// A folder per test file, removed afterwards; and what tests of formats ask again and again.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import { AppError } from '../../../src-main/contract/errors.ts';

/** Makes the folder at once; call it at the top of a test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'snug-formats-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** The AppError that a promise ends in; anything else fails the test. */
export async function failureOf(work: Promise<unknown>): Promise<AppError> {
  const outcome = await work.then(
    () => 'no failure',
    (error: unknown) => error,
  );
  if (outcome instanceof AppError) return outcome;
  throw new Error(`expected an AppError, got ${String(outcome)}`, { cause: outcome });
}
