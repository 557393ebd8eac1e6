// Reads the end of a run's log, which another process may be writing.
import { open } from 'node:fs/promises';
import { logLine, type JobLogLines, type LogLine } from '../../contract/job-log.ts';
import { logPath } from './job-folder.ts';

/** What is read and answered at most: a run of a large model logs a line per tensor. */
const mostBytes = 256 * 1024;
const mostLines = 500;

export async function readJobLog(home: string, run: string): Promise<JobLogLines> {
  const file = logPath(home, run);
  const text = await tailOf(file);
  if (text === null) return { file: null, lines: [] };
  return { file, lines: text.split('\n').flatMap(parsedLine).slice(-mostLines) };
}

/** null where there is no log. */
async function tailOf(path: string): Promise<string | null> {
  const file = await open(path).catch(() => null);
  if (file === null) return null;
  try {
    const { size } = await file.stat();
    const length = Math.min(size, mostBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Nothing of a line that was cut, or is being written. */
function parsedLine(text: string): LogLine[] {
  try {
    const { time, event, ...facts } = JSON.parse(text) as Record<string, unknown>;
    const line = logLine.safeParse({ time, event, facts });
    return line.success ? [line.data] : [];
  } catch {
    return [];
  }
}
