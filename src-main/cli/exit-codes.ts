// Exit codes of the command line; scripts depend on them.
import type { ErrorCode } from '../contract/errors.ts';

export const exitCodes = { done: 0, failed: 1, badInput: 2, doesNotFit: 3, gate: 4, cancelled: 130 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Codes that say that the input or the command line is at fault, not the run. */
const badInput: ReadonlySet<ErrorCode> = new Set([
  'USAGE',
  'FILE_NOT_FOUND',
  'FILE_MALFORMED',
  'UNSUPPORTED_ARCHITECTURE',
  'UNSUPPORTED_TYPE',
  'NON_FINITE',
  'TEXT_TOO_SHORT',
  'TEXT_REUSED',
  'NOT_WRITABLE',
  'INPUTS_CHANGED',
  'OUTPUT_EXISTS',
  'IMPORTANCE_MISSING',
  'IMPORTANCE_MISMATCH',
  'DEVICE_UNAVAILABLE',
  'HUB_NOT_FOUND',
  'HUB_GATED',
  'HUB_OFFLINE',
  'RUNNER_NOT_FOUND',
  'LINK_IMPOSSIBLE',
]);

export function exitCodeOfError(code: ErrorCode): ExitCode {
  if (code === 'CANCELLED') return exitCodes.cancelled;
  return badInput.has(code) ? exitCodes.badInput : exitCodes.failed;
}

/** The exit code of a job's result: a plan that does not exist (`best: null`) comes before a gate. */
export function exitCodeOfResult(result: { best?: string | null; gate?: { passed: boolean } | undefined }): ExitCode {
  if (result.best === null) return exitCodes.doesNotFit;
  return result.gate?.passed === false ? exitCodes.gate : exitCodes.done;
}
