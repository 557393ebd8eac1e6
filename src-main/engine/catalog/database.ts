// The SQLite file of the catalog: opened, checked, migrated with a backup, put aside where it is damaged.
// Two engines may use it at once (WAL, busy timeout).
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import type Sqlite from 'better-sqlite3';
import { AppError } from '../../contract/errors.ts';
import { clearOfSuspicion, DamagedDatabase, isDamage, isSuspect } from './damage.ts';
import { migrations } from './migrations.ts';

/** Waiting time for a lock that another engine holds: while it is opened, and later, when waiting holds up the engine. */
const busyTimeoutMs = { open: 5000, later: 250 };
/** better-sqlite3's prebuilt addon needs this Node-API; an older runtime dies when it loads it. */
const neededNodeApi = 10;
/** A check reads the whole file (https://sqlite.org/pragma.html#pragma_quick_check): of a small one at every start, about 20 ms for 900 runs. */
const smallBytes = 2 ** 23;
/** A larger one is checked at most this often, and after every crash. */
const checkEveryMs = 24 * 3600 * 1000;

export type Database = Sqlite.Database;

export interface OpenedDatabase {
  /** Follows its file: where another engine found damage and put it aside, it is the new one that lies there. */
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
  const before = identityOf(file);
  try {
    return { database: following(Database, await openSound(Database, file), file), damaged: null };
  } catch (error) {
    if (!isDamage(error)) throw error;
    // Another Snug that started at the same time may have been faster; what is there now is its new one.
    const damaged = identityOf(file) === before ? putAside(file) : null;
    return { database: following(Database, await openSound(Database, file), file), damaged };
  }
}

const identityOf = (file: string): bigint | undefined => statSync(file, { bigint: true, throwIfNoEntry: false })?.ino;

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

/** Looks before every use whether `file` is still the file that it has open. */
function following(Database: typeof Sqlite, opened: Database, file: string): Database {
  let [current, identity] = [opened, identityOf(file)];
  const latest = (): Database => {
    const now = identityOf(file);
    if (now === undefined || now === identity || current.inTransaction) return current;
    const next = new Database(file, { timeout: busyTimeoutMs.later });
    if (versionOf(next) === migrations.length) {
      configure(next);
      // The old one stays open: closing it would remove the journal of this name, which is the new file's by now.
      [current, identity] = [next, now];
    } else next.close(); // its maker is still at it
    return current;
  };
  return new Proxy(opened, {
    get(_, name) {
      const database = latest();
      const value: unknown = Reflect.get(database, name, database);
      return typeof value === 'function' ? (value.bind(database) as unknown) : value;
    },
  });
}

function configure(database: Database): void {
  database.pragma('journal_mode = WAL');
  database.pragma('foreign_keys = ON');
  database.pragma('synchronous = NORMAL');
}

async function openSound(Database: typeof Sqlite, file: string): Promise<Database> {
  const database = new Database(file, { timeout: busyTimeoutMs.open });
  try {
    configure(database);
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
  const suspect = isSuspect(file);
  const due = suspect || isDue(database);
  if (!due && !isSmall(database)) return;
  // Where damage was met, the check that compares indices with their tables as well.
  const found = database.pragma(suspect ? 'integrity_check(1)' : 'quick_check(1)', { simple: true }) as string;
  if (found !== 'ok') throw new DamagedDatabase(file, found);
  if (due) noteCheck(database, file);
}

/** On a disk that cannot be written, or while another process writes for long, the next start checks again. */
function noteCheck(database: Database, file: string): void {
  try {
    database
      .prepare("INSERT OR REPLACE INTO settings (key, value) VALUES ('checked', ?)")
      .run(new Date().toISOString());
  } catch (error) {
    if (isBusy(error) || /^SQLITE_(READONLY|FULL)/.test(String((error as { code?: unknown }).code))) return;
    throw error;
  }
  clearOfSuspicion(file);
}

/** After a crash, and after a day; of a check in the future (a clock that was set back) nobody knows how long ago it was. */
function isDue(database: Database): boolean {
  const last = database.prepare("SELECT value FROM settings WHERE key = 'checked'").pluck().get() as string | undefined;
  const crashed = database.prepare("SELECT 1 FROM experiments WHERE state = 'running' LIMIT 1").get() !== undefined;
  const sinceMs = last === undefined ? NaN : Date.now() - Date.parse(last);
  return crashed || !(sinceMs >= 0 && sinceMs < checkEveryMs);
}

const isSmall = (database: Database): boolean =>
  (database.pragma('page_count', { simple: true }) as number) *
    (database.pragma('page_size', { simple: true }) as number) <=
  smallBytes;

/** Renames the file with its journals; the new name tells when. */
function putAside(file: string): string {
  const moment = new Date().toISOString().replaceAll(/[:.]/g, '-');
  const aside = `${file}.damaged-${moment}`;
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
  }
  clearOfSuspicion(file);
  return aside;
}
