// What a damaged catalog held, as far as it can be had again: rows that can still be read, then the records that lie
// beside the files that were made.
import { readFile } from 'node:fs/promises';
import { recordList, readRecord } from '../library/run-records.ts';
import { openDamaged, type Database } from './database.ts';
import { Engines } from './engines.ts';
import { Experiments } from './experiments.ts';

export interface Recovery {
  /** The damaged file, kept. */
  damaged: string;
  /** Runs that were read from it. */
  fromRows: number;
  /** Runs that were read, or made whole, from the records beside their files. */
  fromRecords: number;
}

/** Tables in the order in which their rows can be added. */
const tables = [
  'models',
  'experiments',
  'details',
  'tags',
  'stages',
  'metrics',
  'texts',
  'calibrations',
  'plans',
  'artifacts',
  'installs',
  'install_files',
  'settings',
  // Of engines that live on, and go on in the new file.
  'engines',
  'leases',
];

/** Fills the new `database` with what the damaged one and the records of `home` still say. */
export async function recover(database: Database, home: string, damaged: string): Promise<Recovery> {
  await salvage(database, damaged);
  const fromRows = database.prepare('SELECT count(*) FROM experiments').pluck().get() as number;
  const experiments = new Experiments(database, new Engines(database));
  let fromRecords = 0;
  for (const file of await listed(home)) {
    const record = await readRecord(file).catch(() => null); // gone with its model, or someone else's
    if (record && experiments.restore(record)) fromRecords++;
  }
  keepWithoutDetails(database);
  return { damaged, fromRows, fromRecords };
}

/** Runs whose recipe is lost are shown with what is left of them. */
function keepWithoutDetails(database: Database): void {
  database.exec(`INSERT INTO details (experiment, recipe, versions)
    SELECT id, json_object('verb', verb, 'model', model), '{}' FROM experiments
    WHERE id NOT IN (SELECT experiment FROM details)`);
}

async function listed(home: string): Promise<string[]> {
  const text = await readFile(recordList(home), 'utf8').catch(() => '');
  return [...new Set(text.split('\n').filter((line) => line !== ''))];
}

/** Copies row by row, until the damage: what comes behind it in a table is lost. */
async function salvage(database: Database, damaged: string): Promise<void> {
  const source = await openDamaged(damaged).catch(() => null);
  if (!source) return;
  try {
    // At once: an engine that lives on writes to the new file as soon as it is there.
    database.transaction(() => tables.forEach((table) => copyTable(source, database, table))).immediate();
  } finally {
    source.close();
  }
}

function copyTable(source: Database, target: Database, table: string): void {
  const known = target.pragma(`table_info(${table})`) as { name: string }[];
  const names = known.map(({ name }) => name);
  try {
    const insert = target.prepare(
      `INSERT OR IGNORE INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
    );
    for (const row of source
      .prepare(`SELECT ${names.join(', ')} FROM ${table}`)
      .raw()
      .iterate()) {
      try {
        insert.run(row);
      } catch {
        // A row whose run was lost.
      }
    }
  } catch {
    // The table cannot be read from here on.
  }
}
