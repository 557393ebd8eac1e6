// What was exported to runners and folders: enough of every placed file to tell later whether it is still the same.
import type { PlacedHow, RunnerInstall } from '../../contract/runners.ts';
import type { Database } from './database.ts';

/** Something that an export placed; folders are those that it made. */
export interface InstallFile {
  path: string;
  how: PlacedHow | 'folder';
  bytes: number;
  /** Device and number of the inode; null where `how` says it otherwise. */
  inode: string | null;
  /** Time of the last change, in milliseconds; of copies. */
  modified: number | null;
  /** SHA-256 of a written file; of a `model` the runner's own mark of it. */
  sha256: string | null;
  /** Where a symbolic link leads; what a copy was made from. */
  link: string | null;
}

export interface NewInstall {
  run: string | null;
  /** The model, by its absolute path. */
  file: string;
  target: string;
  files: readonly InstallFile[];
}

/** A file of an export that holds the model by itself: a hard link or a copy. */
export type HeldFile = InstallFile & { install: number; run: string | null; file: string; target: string };

export interface Install extends NewInstall {
  id: number;
  created: string;
}

interface InstallRow {
  id: number;
  run: string | null;
  file: string;
  target: string;
  created: string;
  undone: string | null;
}

const columns = 'id, experiment AS run, file, target, created, undone';
const fileColumns = 'path, how, bytes, inode, modified, sha256, link';

export class Installs {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  add({ run, file, target, files }: NewInstall): void {
    const write = this.#database.transaction(() => {
      const { lastInsertRowid: id } = this.#database
        .prepare('INSERT INTO installs (experiment, file, target, created) VALUES (?, ?, ?, ?)')
        .run(run, file, target, new Date().toISOString());
      const insert = this.#database.prepare(
        `INSERT INTO install_files (install, ${fileColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      );
      for (const one of files)
        insert.run(id, one.path, one.how, one.bytes, one.inode, one.modified, one.sha256, one.link);
    });
    write.immediate();
  }

  /** Exports of a model of which something is still placed, newest first; files that were removed are left out. */
  placed(file: string, target: string | null): Install[] {
    const rows = this.#database
      .prepare(`SELECT ${columns} FROM installs WHERE file = ? AND undone IS NULL ORDER BY id DESC`)
      .all(file) as InstallRow[];
    return rows
      .filter((row) => target === null || row.target === target)
      .map((row) => ({ ...row, files: this.#files(row.id, 'AND removed IS NULL') }));
  }

  /** The hard links and copies of all exports that were not undone, newest first. */
  held(): HeldFile[] {
    return this.#database
      .prepare(
        `SELECT install, experiment AS run, file, target, ${fileColumns} FROM install_files JOIN installs ON id = install
         WHERE how IN ('hard', 'copy') AND removed IS NULL AND undone IS NULL ORDER BY install DESC, install_files.rowid`,
      )
      .all() as HeldFile[];
  }

  /** What an export placed at a path and has not removed since; null where nothing is known. */
  at(path: string): InstallFile | null {
    const found = this.#database
      .prepare(
        `SELECT ${fileColumns} FROM install_files WHERE path = ? AND removed IS NULL AND how <> 'folder' ORDER BY install DESC LIMIT 1`,
      )
      .get(path) as InstallFile | undefined;
    return found ?? null;
  }

  /** Notes that placed files are gone; the export is undone when nothing is left but folders. */
  removed(id: number, paths: readonly string[]): void {
    const now = new Date().toISOString();
    const write = this.#database.transaction(() => {
      const mark = this.#database.prepare('UPDATE install_files SET removed = ? WHERE install = ? AND path = ?');
      for (const path of paths) mark.run(now, id, path);
      if (this.#files(id, "AND removed IS NULL AND how <> 'folder'").length === 0)
        this.#database.prepare('UPDATE installs SET undone = ? WHERE id = ?').run(now, id);
    });
    write.immediate();
  }

  /** All exports of a run, newest first, with what each placed. */
  ofRun(run: string): RunnerInstall[] {
    const rows = this.#database
      .prepare(`SELECT ${columns} FROM installs WHERE experiment = ? ORDER BY id DESC`)
      .all(run) as InstallRow[];
    return rows.map(({ id, run: _run, ...install }) => ({
      ...install,
      placed: this.#files(id, "AND how <> 'folder'").map(({ path, how, bytes }) => ({
        ...{ path, how: how as PlacedHow, bytes },
      })),
    }));
  }

  #files(id: number, condition: string): InstallFile[] {
    return this.#database
      .prepare(`SELECT ${fileColumns} FROM install_files WHERE install = ? ${condition} ORDER BY rowid`)
      .all(id) as InstallFile[];
  }
}
