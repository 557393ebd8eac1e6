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

  // What lists need is in narrow rows of its own; JSON lies apart. Times are ISO 8601 in UTC.
  `ALTER TABLE experiments RENAME TO experiments_1;
   DROP INDEX experiments_created;
   CREATE TABLE models (
     id INTEGER PRIMARY KEY,
     path TEXT NOT NULL,
     hash TEXT NOT NULL,          -- of a sample of its bytes
     bytes INTEGER NOT NULL,
     seen TEXT NOT NULL,
     UNIQUE (path, hash)
   ) STRICT;
   CREATE TABLE experiments (
     id TEXT PRIMARY KEY,
     verb TEXT NOT NULL,
     model TEXT NOT NULL,         -- as the recipe names it
     method TEXT,
     recipe_hash TEXT NOT NULL,
     state TEXT NOT NULL
       CHECK (state IN ('queued', 'running', 'paused', 'interrupted', 'done', 'failed', 'cancelled')),
     created TEXT NOT NULL,
     started TEXT,
     finished TEXT,
     seconds REAL,
     device TEXT,
     seed INTEGER,
     note TEXT NOT NULL DEFAULT '',
     model_id INTEGER REFERENCES models (id),
     cloned_from TEXT,
     place REAL NOT NULL,         -- in the queue: lower comes first
     engine_pid INTEGER,          -- the engine that has it, while one does
     engine_start TEXT,
     words TEXT NOT NULL          -- what a search looks at
       GENERATED ALWAYS AS (lower(id || ' ' || verb || ' ' || coalesce(method, '') || ' ' || model || ' ' || note)) STORED
   ) STRICT;
   CREATE INDEX experiments_created ON experiments (created DESC, words);
   CREATE INDEX experiments_verb ON experiments (verb, created DESC);
   CREATE INDEX experiments_state ON experiments (state, created DESC);
   CREATE TABLE details (
     experiment TEXT PRIMARY KEY REFERENCES experiments (id) ON DELETE CASCADE,
     recipe TEXT NOT NULL,        -- JSON
     versions TEXT NOT NULL,      -- JSON: Snug, Node
     result TEXT,                 -- JSON, when done
     error TEXT                   -- JSON, when failed
   ) STRICT;
   CREATE TABLE tags (
     tag TEXT NOT NULL,
     experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
     PRIMARY KEY (tag, experiment)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX tags_experiment ON tags (experiment);
   CREATE TABLE stages (
     experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
     name TEXT NOT NULL,
     seconds REAL NOT NULL,
     PRIMARY KEY (experiment, name)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE metrics (
     experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
     name TEXT NOT NULL,
     context TEXT NOT NULL,       -- engine, text and windows; of a study the row
     value REAL NOT NULL,
     standard_error REAL,
     PRIMARY KEY (experiment, name, context)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE texts (
     experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
     use TEXT NOT NULL CHECK (use IN ('calibration', 'evaluation')),
     sha256 TEXT NOT NULL,
     PRIMARY KEY (experiment, use, sha256)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE calibrations (
     experiment TEXT PRIMARY KEY REFERENCES experiments (id) ON DELETE CASCADE,
     samples INTEGER NOT NULL,
     tokens INTEGER NOT NULL,
     text_sha256 TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE plans (
     experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
     id TEXT NOT NULL,
     summary TEXT NOT NULL,
     file_bytes INTEGER NOT NULL,
     memory_bytes INTEGER NOT NULL,
     fits INTEGER NOT NULL,
     kld REAL NOT NULL,
     basis TEXT NOT NULL,
     best INTEGER NOT NULL,
     PRIMARY KEY (experiment, id)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE artifacts (
     experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
     path TEXT NOT NULL,
     bytes INTEGER NOT NULL,
     sha256 TEXT,
     state TEXT NOT NULL CHECK (state IN ('present', 'deleted')),
     PRIMARY KEY (experiment, path)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX artifacts_path ON artifacts (path);
   CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE leases (
     device TEXT PRIMARY KEY,
     experiment TEXT NOT NULL,
     pid INTEGER NOT NULL,
     start TEXT,                  -- of the process, against a pid that was given again
     heartbeat TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   INSERT INTO experiments (id, verb, model, recipe_hash, state, created, finished, place, engine_pid)
     SELECT id, verb, model, '', state, created, finished, rowid, engine FROM experiments_1;
   INSERT INTO details (experiment, recipe, versions, result, error)
     SELECT id, recipe, versions, result, error FROM experiments_1;
   DROP TABLE experiments_1;`,

  // Exports to runners and folders. They outlive the record of a run: what was placed must stay findable.
  `CREATE TABLE installs (
     id INTEGER PRIMARY KEY,
     experiment TEXT REFERENCES experiments (id) ON DELETE SET NULL,
     file TEXT NOT NULL,          -- the model
     target TEXT NOT NULL,        -- a runner's name, or a folder
     created TEXT NOT NULL,
     undone TEXT
   ) STRICT;
   CREATE INDEX installs_file ON installs (file);
   CREATE INDEX installs_experiment ON installs (experiment);
   CREATE TABLE install_files (
     install INTEGER NOT NULL REFERENCES installs (id) ON DELETE CASCADE,
     path TEXT NOT NULL,
     how TEXT NOT NULL CHECK (how IN ('hard', 'symbolic', 'copy', 'written', 'model', 'folder')),
     bytes INTEGER NOT NULL,
     inode TEXT,                  -- DEVICE:NUMBER
     modified REAL,               -- milliseconds
     sha256 TEXT,                 -- of a model: the runner's own mark of it
     link TEXT,                   -- where a symbolic link leads, what a copy was made from
     removed TEXT,
     PRIMARY KEY (install, path)
   ) STRICT;
   CREATE INDEX install_files_path ON install_files (path);`,

  // What lists are sorted by, and what a small memory bar shows, in the narrow rows. The end of the queue is found at once.
  `ALTER TABLE experiments ADD COLUMN bytes INTEGER;  -- of the files that it made
   ALTER TABLE experiments ADD COLUMN loss REAL;      -- mean KL divergence, where it was measured once
   ALTER TABLE experiments ADD COLUMN memory TEXT;    -- JSON: what the plan of a fit takes on the card
   CREATE INDEX experiments_place ON experiments (place);
   UPDATE experiments SET
     bytes = (SELECT sum(bytes) FROM artifacts WHERE experiment = experiments.id),
     loss = (SELECT CASE count(*) WHEN 1 THEN max(value) END FROM metrics
             WHERE experiment = experiments.id AND name = 'kld'),
     memory = (SELECT json_extract(result, '$.plan.memory') FROM details
               WHERE experiment = experiments.id AND experiments.verb = 'fit');`,

  // When engines that have runs in hand last showed that they live, for those that cannot be judged by their process.
  `CREATE TABLE engines (
     process TEXT PRIMARY KEY,    -- PID, or PID-START
     seen TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;`,
];
