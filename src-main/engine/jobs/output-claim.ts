// One run at a time makes an output: the run claims its name before any work, with a file that names the process.
import { constants } from 'node:fs';
import { access, open, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../contract/errors.ts';
import { claimPart, partPath, releasePart, sweepParts, type LivingPart } from '../../core/formats/part-files.ts';
import { keepTouching } from '../../core/sign-of-life.ts';
import { checkName } from './output-names.ts';
import { recoverOutput, refuseExisting, type OutputTarget } from './publish.ts';

/** Two runs that begin at the same moment see each other, and one of them withdraws; the other waits for that this long. */
const withdrawalMs = 500;

/**
 * Runs `work`, which makes `output`, while no other run can; what a run that was killed left of it is put right first.
 * @throws OUTPUT_EXISTS with the process that is at it, FILE_NOT_FOUND, NOT_WRITABLE, USAGE; whatever `work` throws
 */
export async function claimingOutput<T>(output: string, work: () => Promise<T>): Promise<T> {
  checkName(output);
  const full = path.resolve(output);
  await checkFolder(path.dirname(full));
  const release = await claim(full);
  try {
    await recoverOutput(full);
    return await work();
  } finally {
    await release();
  }
}

/**
 * Refuses an output that is there already, or that another process is at: before anything is waited for or fetched.
 * @throws OUTPUT_EXISTS, FILE_NOT_FOUND, NOT_WRITABLE, USAGE
 */
export async function refuseTaken(target: OutputTarget): Promise<void> {
  checkName(target.output);
  const full = path.resolve(target.output);
  await checkFolder(path.dirname(full));
  const [other] = (await sweepParts(full)).filter(({ isClaim }) => isClaim);
  if (other) throw takenBy(full, other);
  await refuseExisting(target);
}

/** The folder that something is to be written in. @throws FILE_NOT_FOUND, NOT_WRITABLE */
export async function checkFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => null);
  if (!found?.isDirectory()) {
    const details = { path: folder, missing: 'output folder' };
    throw new AppError('FILE_NOT_FOUND', `The folder ${folder} does not exist: create it first.`, details);
  }
  await access(folder, constants.W_OK).catch((error: unknown) => {
    throw new AppError(
      'NOT_WRITABLE',
      `The folder ${folder} cannot be written to: choose another one.`,
      { path: folder },
      error,
    );
  });
}

async function claim(full: string): Promise<() => Promise<void>> {
  const file = partPath(full, 'claim');
  if (!claimPart(file)) throw takenBy(full, { path: file, pid: process.pid });
  const endTouching = keepTouching(file);
  const release = async (): Promise<void> => {
    endTouching();
    await rm(file, { force: true });
    releasePart(file);
  };
  try {
    await rm(file, { force: true }); // of an older process with our id, where ids are all that is known of it
    await (await open(file, 'wx')).close();
    await prevail(full, file);
    return release;
  } catch (error) {
    await release();
    throw AppError.from(error);
  }
}

/** Returns when no other run is at the output. Every run looks after its own claim is there: of two, at least one sees the other; the lower name stays. */
async function prevail(full: string, file: string): Promise<void> {
  const deadline = Date.now() + withdrawalMs;
  for (;;) {
    const others = await sweepParts(full);
    const [other] = others;
    if (!other) return;
    const mayWithdraw = others.every(({ path: name, isClaim }) => isClaim && name > file);
    if (!mayWithdraw || Date.now() > deadline) throw takenBy(full, other);
    await delay(20);
  }
}

function takenBy(output: string, { path: part, pid }: Pick<LivingPart, 'path' | 'pid'>): AppError {
  const message = `${output} is being written by another run, process ${pid}: wait for it or choose another name.`;
  return new AppError('OUTPUT_EXISTS', message, { output, process: pid, part });
}
