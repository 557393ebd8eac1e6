// A job's context for tests of stages, with a folder like that of a job of the queue.
import { withContext, type ContextOptions, type JobContext } from '../../src-main/engine/jobs/context.ts';
import { clearJobFolder, openJobFolder } from '../../src-main/engine/jobs/job-folder.ts';

/** Runs `work` as a job that then is done. */
export async function inJob<T>(
  options: Omit<ContextOptions, 'folder'>,
  work: (context: JobContext) => Promise<T>,
): Promise<T> {
  const folder = await openJobFolder(options.folders.home, options.run);
  try {
    return await withContext({ ...options, folder }, work);
  } finally {
    await clearJobFolder(folder, true);
  }
}
