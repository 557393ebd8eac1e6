// Errors of the addon as AppErrors: its code, and what llama.cpp's log says about the cause.
import { AppError, errorCodes, type ErrorCode } from '../../contract/errors.ts';

interface NativeError extends Error {
  code?: string;
  log?: string;
}

function isErrorCode(code: string | undefined): code is ErrorCode {
  return errorCodes.some((known) => known === code);
}

/** Keeps `details`, adds the log's newest lines as details.log and its reason to the message of LLAMA_FAILED. */
export function nativeError(error: unknown, details: Record<string, unknown> = {}): AppError {
  if (error instanceof AppError || !(error instanceof Error)) return AppError.from(error);
  const { code, log = '', message } = error as NativeError;
  if (!isErrorCode(code)) return AppError.from(error);
  if (code === 'CANCELLED') return new AppError(code, message, {}, error);
  const reason = code === 'LLAMA_FAILED' ? reasonIn(log) : null;
  return new AppError(
    code,
    reason === null ? message : `${message} llama.cpp says: ${reason}`,
    { ...details, log },
    error,
  );
}

/** The first line of a log that tells of an error, without the name of the function that wrote it. */
export function reasonIn(log: string): string | null {
  const line = log
    .split('\n')
    .find((text) => /error|failed|invalid|not supported|unsupported|cannot|unknown|missing/i.test(text));
  return line?.replace(/^\s*\w+:\s*/, '').trim() || null;
}
