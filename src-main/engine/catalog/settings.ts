// Values by name that outlive a run, as JSON.
import type { Database } from './database.ts';

/** What those who keep something here use. */
export type KeptSettings = Pick<Settings, 'get' | 'update'>;

/** Of an engine without a catalog. */
export function settingsInMemory(): KeptSettings {
  const values = new Map<string, unknown>();
  return {
    get: (name) => values.get(name) ?? null,
    update: (name, change) => void values.set(name, change(values.get(name) ?? null)),
  };
}

export class Settings {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** null where there is none. */
  get(key: string): unknown {
    const value = this.#database.prepare('SELECT value FROM settings WHERE key = ?').pluck().get(key) as
      | string
      | undefined;
    return value === undefined ? null : JSON.parse(value);
  }

  /** Puts what `change` makes of a value in its place; no other engine can come between. */
  update(key: string, change: (value: unknown) => unknown): void {
    const write = this.#database.transaction(() => {
      this.#database
        .prepare('INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)')
        .run(key, JSON.stringify(change(this.get(key))));
    });
    write.immediate();
  }
}
