// The folder of a run in the user data: jobs/RUN with its log and what it finished on the way, and in it the scratch
// files of the process that works on it, scratch.PROCESS.
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { judge, processTag, readProcessTag, thisProcess } from '../../core/process-identity.ts';
import { isYounger } from '../../core/sign-of-life.ts';

export interface JobFolder {
  /** Gone when the job ends, however it does. */
  scratch: string;
  /** Kept until the job is done, so that one that was stopped goes on. */
  checkpoints: string;
  /** What the run gave its output's name (own-output.ts); kept as long as the log. */
  outputNote: string;
  log: string;
}

/** What nobody took up again, and logs, are kept this long. */
export const lifeMs = 30 * 24 * 3600 * 1000;

const jobsFolder = (home: string): string => path.join(home, 'jobs');

/** Where the log of a run lies. */
export const logPath = (home: string, run: string): string => path.join(jobsFolder(home), run, 'log.jsonl');

/** Where a run notes what it gave its output's name. */
export const outputNotePath = (home: string, run: string): string => path.join(jobsFolder(home), run, 'output.json');

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
      outputNote: path.join(temporary, 'output.json'),
      log: path.join(temporary, 'log.jsonl'),
    };
  }
  const [outputNote, log] = [outputNotePath(home, run), logPath(home, run)];
  return { scratch, checkpoints: path.join(folder, 'checkpoints'), outputNote, log };
}

/** Removes what an ended job does not need any more; answers what it could not, which costs disk and no result. */
export async function clearJobFolder({ scratch, checkpoints }: JobFolder, isDone: boolean): Promise<Unswept[]> {
  const left = await Promise.all([scratch, ...(isDone ? [checkpoints] : [])].map(removed));
  return left.flat();
}

/** Scratch files whose process cannot be judged are kept this long after they were written to. */
const unsureLifeMs = 7 * 24 * 3600 * 1000;

async function isYoung(scratch: string): Promise<boolean> {
  const names = await readdir(scratch).catch(() => []);
  return isYounger([scratch, ...names.map((name) => path.join(scratch, name))], unsureLifeMs);
}

/** What could not be removed, and why. */
export interface Unswept {
  path: string;
  message: string;
}

/** Removes the scratch files of engines that died, and whole folders that nobody touched for a month; answers what it could not, on a disk that only reads for example. */
export async function sweepJobFolders(home: string): Promise<Unswept[]> {
  const runs = await readdir(jobsFolder(home)).catch(() => []);
  const left = await Promise.all(runs.map((run) => sweep(path.join(jobsFolder(home), run))));
  return left.flat();
}

async function sweep(folder: string): Promise<Unswept[]> {
  const names = await readdir(folder).catch(() => []);
  const scratch = [];
  for (const name of names) {
    const owner = name.startsWith('scratch.') ? readProcessTag(name.slice('scratch.'.length)) : null;
    const judged = owner && judge(owner);
    if (judged === null) continue;
    scratch.push({ name, isUsed: judged === 'unsure' ? await isYoung(path.join(folder, name)) : judged === 'alive' });
  }
  const unused = scratch.filter(({ isUsed }) => !isUsed);
  const left = await Promise.all(unused.map(({ name }) => removed(path.join(folder, name))));
  if (scratch.some(({ isUsed }) => isUsed)) return left.flat();
  const times = await Promise.all(
    ['.', ...names].map((name) =>
      stat(path.join(folder, name)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    ),
  );
  if (Date.now() - Math.max(...times) > lifeMs) return removed(folder);
  return left.flat();
}

const removed = (folder: string): Promise<Unswept[]> =>
  rm(folder, { recursive: true, force: true }).then(
    () => [],
    (error: unknown) => [{ path: folder, message: AppError.from(error).message }],
  );
