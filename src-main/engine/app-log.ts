// The log of the application in the user data, logs/app.jsonl: one JSON object a line. It turns over at a limit, so that
// it never grows without end; what happens inside a run is in the run's own log (jobs/job-log.ts).
import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import { thisProcess } from '../core/process-identity.ts';

/** Of one file; there are this many. */
const limitBytes = 2 ** 20;
const files = 3;

export type AppLog = (event: string, facts?: Record<string, unknown>) => void;

/** A log that cannot be written costs nothing else. */
export function openAppLog(home: string): AppLog {
  const file = path.join(home, 'logs', 'app.jsonl');
  return (event, facts = {}) => {
    try {
      mkdirSync(path.dirname(file), { recursive: true });
      turnOver(file);
      const entry = { time: new Date().toISOString(), pid: thisProcess.pid, event, ...facts };
      appendFileSync(file, `${JSON.stringify(entry)}\n`);
    } catch {
      // A full or read-only disk.
    }
  };
}

/** app.jsonl, app.jsonl.1, app.jsonl.2: the oldest goes. */
function turnOver(file: string): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size < limitBytes) return;
  for (let number = files - 1; number > 0; number--) {
    const from = number === 1 ? file : `${file}.${number - 1}`;
    if (statSync(from, { throwIfNoEntry: false })) renameSync(from, `${file}.${number}`);
  }
}
