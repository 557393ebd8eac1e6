// The folder of a run in the user data: jobs/RUN with its log and what it finished on the way, and in it the scratch
// files of the process that works on it, scratch.PROCESS.
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isAlive, processTag, readProcessTag, thisProcess } from '../../core/process-identity.ts';

export interface JobFolder {
  /** Gone when the job ends, however it does. */
  scratch: string;
  /** Kept until the job is done, so that one that was stopped goes on. */
  checkpoints: string;
  log: string;
}

/** What nobody took up again, and logs, are kept this long. */
export const lifeMs = 30 * 24 * 3600 * 1000;

const jobsFolder = (home: string): string => path.join(home, 'jobs');

/** Where the log of a run lies. */
export const logPath = (home: string, run: string): string => path.join(jobsFolder(home), run, 'log.jsonl');

/**
 * Makes the folder, or opens that of a run that is taken up again. Where the user data cannot be written, which costs
 * the history but need not cost the job, it lies with the temporary files.
 */
export async function openJobFolder(home: string, run: string): Promise<JobFolder> {
  const folder = path.join(jobsFolder(home), run);
  const scratch = path.join(folder, `scratch.${processTag(thisProcess)}`);
  const made = await mkdir(scratch, { recursive: true }).then(
    () => true,
    () => false,
  );
  if (!made) {
    const temporary = await mkdtemp(path.join(tmpdir(), 'snug-'));
    return {
      scratch: temporary,
      checkpoints: path.join(temporary, 'checkpoints'),
      log: path.join(temporary, 'log.jsonl'),
    };
  }
  return { scratch, checkpoints: path.join(folder, 'checkpoints'), log: logPath(home, run) };
}

/** Removes what an ended job does not need any more. */
export async function clearJobFolder({ scratch, checkpoints }: JobFolder, isDone: boolean): Promise<void> {
  await rm(scratch, { recursive: true, force: true });
  if (isDone) await rm(checkpoints, { recursive: true, force: true });
}

/** Removes the scratch files of engines that died, and whole folders that nobody touched for a month. */
export async function sweepJobFolders(home: string): Promise<void> {
  const runs = await readdir(jobsFolder(home)).catch(() => []);
  await Promise.all(runs.map((run) => sweep(path.join(jobsFolder(home), run))));
}

async function sweep(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const scratch = names.flatMap((name) => {
    const owner = name.startsWith('scratch.') ? readProcessTag(name.slice('scratch.'.length)) : null;
    return owner ? [{ name, isUsed: isAlive(owner) }] : [];
  });
  for (const { name, isUsed } of scratch)
    if (!isUsed) await rm(path.join(folder, name), { recursive: true, force: true });
  if (scratch.some(({ isUsed }) => isUsed)) return;
  const times = await Promise.all(
    ['.', ...names].map((name) =>
      stat(path.join(folder, name)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    ),
  );
  if (Date.now() - Math.max(...times) > lifeMs) await rm(folder, { recursive: true, force: true });
}
