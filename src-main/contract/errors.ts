// Errors that cross processes: one class, a code per kind, plain details. Stacks stay in the process that threw.
import { z } from 'zod';

/** Every error code; docs/errors.md explains each to users. */
export const errorCodes = [
  'USAGE', // a wrong or missing option, verb or value
  'FILE_NOT_FOUND', // a path that does not exist or cannot be read
  'FILE_MALFORMED', // a file that breaks its format: file, where, expected, actual
  'UNSUPPORTED_ARCHITECTURE', // a model this build cannot work on, with the reason
  'UNSUPPORTED_TYPE', // a tensor type that cannot be read or written
  'NON_FINITE', // NaN or infinity in a weight, an importance value or a result
  'NUMERICAL_FAILURE', // arithmetic that went wrong: what, the measured value, the tolerance
  'TEXT_TOO_SHORT', // not enough text for one window
  'TEXT_REUSED', // the evaluation text was used for calibration
  'NOT_WRITABLE', // a folder or disk that cannot be written to
  'INPUTS_CHANGED', // what a stopped run works on is not the same any more
  'OUTPUT_EXISTS', // the output is there already and --force was not given
  'DISK_FULL', // not enough space, with needed and free bytes
  'OUT_OF_MEMORY', // an allocation failed
  'IMPORTANCE_MISSING', // a type that needs importance, without any for a tensor
  'IMPORTANCE_MISMATCH', // an importance file that does not belong to the model
  'DEVICE_UNAVAILABLE', // a device was named that is not there
  'HUB_NOT_FOUND', // no such repository, revision or file on the hub, or none that is shown without a token
  'HUB_GATED', // the hub knows the model and refuses it to this token, or without one
  'HUB_OFFLINE', // the hub was not to be asked, and not everything is here
  'HUB_UNAVAILABLE', // the hub does not answer, answers with a fault, or asks to wait longer than a run should
  'CHECKSUM_MISMATCH', // bytes that are not those that the hub promised
  'RUNNER_NOT_FOUND', // a program to export to that is not on this machine, with where it was looked for
  'RUNNER_FAILED', // a runner's own program refused or failed, with the last lines it wrote
  'LINK_IMPOSSIBLE', // a model that cannot be linked there: it would take a copy, which has to be asked for
  'LLAMA_UNAVAILABLE', // llama.cpp's libraries are missing or of an unknown release
  'LLAMA_FAILED', // llama.cpp refused or could not run a file, with the last lines of its log
  'LLAMA_CRASHED', // llama.cpp ended its process, with the last lines of its log
  'HISTORY_DAMAGED', // the file of the history is damaged: the next start makes it again
  'PROOF_FAILED', // the written file did not pass its proof
  'NATIVE_UNAVAILABLE', // the native addon is missing or does not load
  'WORKER_CRASHED', // a child process ended unexpectedly
  'CANCELLED', // the user or a caller cancelled
  'INTERNAL', // a fault of Snug itself
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export const errorShape = z.object({
  code: z.enum(errorCodes),
  message: z.string(),
  details: z.record(z.string(), z.unknown()),
});
export type ErrorShape = z.infer<typeof errorShape>;

/** What errors of the operating system (Node's ErrnoException) and of SQLite carry besides. */
interface SystemError extends Error {
  code?: string;
  path?: string;
}

/** An error with a code that callers act on, a message for people, and plain details. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;

  constructor(code: ErrorCode, message: string, details: Record<string, unknown> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'AppError';
    this.code = code;
    this.details = details;
  }

  /** What crosses processes. Text of the size of a book that came from outside (a path, a name) is told in part. */
  toShape(): ErrorShape {
    return { code: this.code, message: shortened(this.message), details: shortenedAll(this.details) };
  }

  static fromShape(shape: ErrorShape): AppError {
    return new AppError(shape.code, shape.message, shape.details);
  }

  /** Wraps anything that was thrown; errors of the system and of SQLite get the code they deserve. */
  static from(error: unknown): AppError {
    if (error instanceof AppError) return error;
    if (error instanceof Error) {
      if (error.name === 'AbortError') return new AppError('CANCELLED', 'Cancelled.', {}, error);
      const system = error as SystemError;
      const where = { path: system.path, systemCode: system.code };
      const [file, reason] = [shortened(system.path ?? 'the file'), shortened(error.message)];
      if (system.code === 'EROFS' || system.code === 'EPERM') {
        return new AppError('NOT_WRITABLE', `Cannot write ${file}: ${reason}.`, where, error);
      }
      if (system.code?.startsWith('SQLITE_READONLY'))
        return new AppError('NOT_WRITABLE', `The history cannot be written: ${reason}.`, where, error);
      if (system.code === 'ENOSPC' || system.code === 'EDQUOT' || system.code === 'SQLITE_FULL')
        return new AppError('DISK_FULL', `The disk is full: ${reason}.`, where, error);
      if (
        system.code === 'ENOENT' ||
        system.code === 'EACCES' ||
        system.code === 'ENOTDIR' ||
        system.code === 'EISDIR'
      ) {
        return new AppError('FILE_NOT_FOUND', `Cannot open ${file}: ${reason}.`, where, error);
      }
      if (system.code === 'ENOMEM' || (error instanceof RangeError && /allocation|buffer/i.test(error.message))) {
        return new AppError('OUT_OF_MEMORY', `Not enough memory: ${reason}.`, where, error);
      }
      return new AppError('INTERNAL', error.message, { stack: error.stack }, error);
    }
    return new AppError('INTERNAL', String(error));
  }
}

/** Longer than the longest log or list of files that an error quotes. */
const longestText = 2 ** 15;

/** Both ends of a long text: what it begins with, and what to do. */
function shortened(text: string): string {
  if (text.length <= longestText) return text;
  const kept = longestText / 2;
  return `${text.slice(0, kept)} […${text.length - 2 * kept} characters…] ${text.slice(-kept)}`;
}

const shortenedAll = (details: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(details).map(([name, value]) => [name, shortenedIn(value)]));

function shortenedIn(value: unknown): unknown {
  if (typeof value === 'string') return shortened(value);
  if (Array.isArray(value)) return value.map(shortenedIn);
  const isPlain = value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype;
  return isPlain ? shortenedAll(value as Record<string, unknown>) : value;
}

/** What a file should have held and what it holds; further details name the tensor or key. */
interface Mismatch extends Record<string, unknown> {
  expected: string;
  actual: string;
}

/** The error of a file that breaks its format: what, where, expected and actual. */
export function malformed(file: string, where: string, mismatch: Mismatch): AppError {
  const { expected, actual } = mismatch;
  return new AppError('FILE_MALFORMED', `${file} is malformed: ${where}: expected ${expected}, found ${actual}.`, {
    file,
    where,
    ...mismatch,
  });
}
