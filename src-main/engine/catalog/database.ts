// The SQLite file of the catalog: opened, checked, migrated with a backup, put aside where it is damaged.
// Two engines may use it at once (WAL, busy timeout).
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import type Sqlite from 'better-sqlite3';
import { AppError } from '../../contract/errors.ts';
import { migrations } from './migrations.ts';

/** Waiting time for a lock that another engine holds: while it is opened, and later, when waiting holds up the engine. */
const busyTimeoutMs = { open: 5000, later: 250 };
/** better-sqlite3's prebuilt addon needs this Node-API; an older runtime dies when it loads it. */
const neededNodeApi = 10;
/** A check reads the whole file, so it is made at most this often, and after every crash (https://sqlite.org/pragma.html#pragma_quick_check). */
const checkEveryMs = 24 * 3600 * 1000;

export type Database = Sqlite.Database;

export interface OpenedDatabase {
  database: Database;
  /** Where a damaged file was put; null where all was well. */
  damaged: string | null;
}

export const catalogFile = (home: string): string => path.join(home, 'catalog.sqlite');

/**
 * Opens (or creates) `home`/catalog.sqlite. A damaged file is never deleted: it is put aside and a new one begun.
 * @throws NATIVE_UNAVAILABLE where SQLite cannot be loaded; INTERNAL for a catalog of a newer Snug
 */
export async function openDatabase(home: string): Promise<OpenedDatabase> {
  const Database = await loadSqlite();
  mkdirSync(home, { recursive: true });
  const file = catalogFile(home);
  try {
    return { database: await openSound(Database, file), damaged: null };
  } catch (error) {
    if (!isDamage(error)) throw error;
    const damaged = putAside(file);
    return { database: await openSound(Database, file), damaged };
  }
}

/** Whether another process held the catalog for longer than was waited: the same can be tried again. */
export const isBusy = (error: unknown): boolean => String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY');

/** Opens a database that may be damaged, to read what can be read. */
export async function openDamaged(file: string): Promise<Database> {
  const Database = await loadSqlite();
  return new Database(file, { readonly: true, timeout: busyTimeoutMs.open });
}

async function loadSqlite(): Promise<typeof Sqlite> {
  const nodeApi = Number(process.versions['napi']);
  if (nodeApi < neededNodeApi) {
    throw new AppError(
      'NATIVE_UNAVAILABLE',
      `The history needs Node-API ${neededNodeApi}; this runtime has ${nodeApi}.`,
      { nodeApi },
    );
  }
  return (await import('better-sqlite3')).default;
}

async function openSound(Database: typeof Sqlite, file: string): Promise<Database> {
  const database = new Database(file, { timeout: busyTimeoutMs.open });
  try {
    database.pragma('journal_mode = WAL');
    database.pragma('foreign_keys = ON');
    database.pragma('synchronous = NORMAL');
    await migrate(database, file);
    checkIfDue(database, file);
    database.pragma(`busy_timeout = ${busyTimeoutMs.later}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Applies the migrations that are missing; what was there is copied to FILE.backup-VERSION first. */
async function migrate(database: Database, file: string): Promise<void> {
  const before = versionOf(database);
  if (before > migrations.length) {
    throw new AppError(
      'INTERNAL',
      `The history was written by a newer Snug (version ${before}, this one knows ${migrations.length}).`,
      { version: before, known: migrations.length },
    );
  }
  if (before === migrations.length) return;
  if (before > 0) await database.backup(`${file}.backup-${before}`);
  const apply = database.transaction(() => {
    for (const migration of migrations.slice(versionOf(database))) database.exec(migration); // another engine may have been faster
    database.pragma(`user_version = ${migrations.length}`);
  });
  apply.immediate();
}

const versionOf = (database: Database): number => database.pragma('user_version', { simple: true }) as number;

/** @throws the damage found, as SQLite's own error would be */
function checkIfDue(database: Database, file: string): void {
  const last = database.prepare("SELECT value FROM settings WHERE key = 'checked'").pluck().get() as string | undefined;
  const crashed = database.prepare("SELECT 1 FROM experiments WHERE state = 'running' LIMIT 1").get() !== undefined;
  if (!crashed && last !== undefined && Date.now() - Date.parse(last) < checkEveryMs) return;
  const found = database.pragma('quick_check(1)', { simple: true }) as string;
  if (found !== 'ok') throw new DamagedDatabase(file, found);
  database.prepare("INSERT OR REPLACE INTO settings (key, value) VALUES ('checked', ?)").run(new Date().toISOString());
}

class DamagedDatabase extends Error {
  readonly code = 'SQLITE_CORRUPT';

  constructor(file: string, found: string) {
    super(`${file} is damaged: ${found}`);
  }
}

function isDamage(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code !== undefined && (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB');
}

/** Renames the file with its journals; the new name tells when. */
function putAside(file: string): string {
  const moment = new Date().toISOString().replaceAll(/[:.]/g, '-');
  const aside = `${file}.damaged-${moment}`;
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
  }
  return aside;
}
