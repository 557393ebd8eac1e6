// The stage `blockStatistics` as a job of a real engine runs it; as a program, one engine of several:
// `node statistics-job.ts HOME OPTIONS` prints its outcome.
import path from 'node:path';
import { AppError } from '../../src-main/contract/errors.ts';
import type { Progress } from '../../src-main/contract/progress.ts';
import { Children } from '../../src-main/engine/children.ts';
import { onnxPackage } from '../../src-main/engine/devices/cuda-files.ts';
import { Providers } from '../../src-main/engine/devices/providers.ts';
import { findFolders } from '../../src-main/engine/folders.ts';
import type { JobContext } from '../../src-main/engine/jobs/context.ts';
import { blockStatistics } from '../../src-main/engine/stages/statistics.ts';
import type { BlockStatistics, BlockStatisticsOptions } from '../../src-main/engine/stages/statistics.ts';
import { inJob } from './job.ts';
import { root } from './paths.ts';

export interface StatisticsJob {
  home: string;
  options: BlockStatisticsOptions;
  threads?: number;
  signal?: AbortSignal;
  report?: (progress: Progress) => void;
  /** Looks at the result before the job's files are gone. */
  look?: (found: BlockStatistics, context: JobContext) => void;
}

/** Runs one job; answers its result and its warnings. */
export async function statisticsJob(job: StatisticsJob): Promise<BlockStatistics & { warnings: string[] }> {
  const folders = { ...findFolders(path.join(root, 'src-main/engine'), false), home: job.home };
  const { signal = new AbortController().signal, threads = 1, report = () => {} } = job;
  const options = { run: `test-${performance.now()}`, signal, folders, threads, report };
  const children = new Children(folders.entries);
  const providers = new Providers(children, onnxPackage());
  return inJob({ ...options, children, providers }, async (context) => {
    const found = await blockStatistics(context, job.options);
    job.look?.(found, context);
    return { ...found, warnings: context.warnings };
  });
}

if (process.argv[1] === import.meta.filename) {
  const [home, options] = process.argv.slice(2) as [string, string];
  const report = (progress: Progress): void => void process.stdout.write(`${JSON.stringify({ progress })}\n`);
  const outcome = await statisticsJob({ home, options: JSON.parse(options) as BlockStatisticsOptions, report }).then(
    (result) => ({ result }),
    (error: unknown) => ({ error: AppError.from(error).toShape() }),
  );
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}
