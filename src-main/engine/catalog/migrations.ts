// Numbered migrations of the catalog; a database at version n has had the first n applied.

export const migrations: readonly string[] = [
  `CREATE TABLE experiments (
     id TEXT PRIMARY KEY,
     verb TEXT NOT NULL,
     model TEXT NOT NULL,
     recipe TEXT NOT NULL,        -- JSON
     state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
     created TEXT NOT NULL,       -- ISO 8601, UTC
     finished TEXT,
     result TEXT,                 -- JSON, when done
     error TEXT,                  -- JSON, when failed
     versions TEXT NOT NULL,      -- JSON: Snug, Node
     engine INTEGER NOT NULL      -- process id of the engine that ran it
   ) STRICT;
   CREATE INDEX experiments_created ON experiments (created);`,
];
