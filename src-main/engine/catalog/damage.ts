// Damage of the catalog: how SQLite tells of it, and what becomes of damage that is met in use. A mark beside the file
// makes the next start look at the whole of it, however long ago it was checked; the file itself may not take a note.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { AppError } from '../../contract/errors.ts';

/** Whether SQLite found the file damaged, or no database at all. */
export function isDamage(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code !== undefined && (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB');
}

/** What a check found, as SQLite's own error would be. */
export class DamagedDatabase extends Error {
  readonly code = 'SQLITE_CORRUPT';

  constructor(file: string, found: string) {
    super(`${file} is damaged: ${found}`);
  }
}

const markOf = (file: string): string => `${file}.suspect`;

/** Whether damage of `file` was met in use since it was looked at as a whole. */
export const isSuspect = (file: string): boolean => existsSync(markOf(file));

/** For a file that was looked at as a whole, or is a new one. */
export const clearOfSuspicion = (file: string): void => rmSync(markOf(file), { force: true });

/** `part` of the catalog in `file`; whoever meets damage in it is told HISTORY_DAMAGED, and the next start makes it again. */
export function watched<Part extends object>(part: Part, file: string): Part {
  return new Proxy(part, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...values: unknown[]): unknown => {
        try {
          return value.apply(target, values) as unknown;
        } catch (error) {
          throw isDamage(error) ? damageMet(file, error as Error) : error;
        }
      };
    },
  });
}

function damageMet(file: string, error: Error): AppError {
  try {
    writeFileSync(markOf(file), `${new Date().toISOString()} ${error.message}\n`);
  } catch {
    // A full or read-only disk: the check of the day finds it.
  }
  const advice =
    'Start Snug again: the file is put aside, never deleted, and the history is made again from what can still be read and from the records beside your files';
  return new AppError(
    'HISTORY_DAMAGED',
    `The history ${file} is damaged (${error.message}). ${advice}.`,
    { file },
    error,
  );
}
