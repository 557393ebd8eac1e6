// Runs the command line in this process against the fake engine.
import { AppError } from '../../src-main/contract/errors.ts';
import { engineApi } from '../../src-main/contract/engine-api.ts';
import type { JobResult } from '../../src-main/contract/job.ts';
import type { Recipe } from '../../src-main/contract/recipe.ts';
import type { Engine } from '../../src-main/cli/engine-process.ts';
import { runCli } from '../../src-main/cli/run-cli.ts';
import type { TextStream } from '../../src-main/cli/report/style.ts';
import { connect } from '../../src-main/rpc/client.ts';
import { transportPair } from '../../src-main/rpc/transport.ts';
import { serveFakeEngine, type FakeScript } from './fake-engine.ts';

export interface RunOptions {
  script?: FakeScript;
  environment?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  /** Columns of the terminal that stdout and stderr are; without it they are pipes. */
  terminal?: number;
  /** The engine is gone as soon as it was started. */
  lost?: boolean;
}

export interface Run {
  exitCode: number;
  stdout: string;
  stderr: string;
  recipes: Recipe[];
  engineStarts: number;
  engineCloses: number;
}

export function memoryStream(columns?: number): TextStream & { text: string } {
  const stream = {
    text: '',
    write(text: string): void {
      stream.text += text;
    },
    ...(columns === undefined ? {} : { isTTY: true, columns }),
  };
  return stream;
}

/** Runs `snug` with the words of `line`. */
export async function snug(line: string | string[], options: RunOptions = {}): Promise<Run> {
  const args = typeof line === 'string' ? line.split(' ').filter(Boolean) : line;
  const [stdout, stderr] = [memoryStream(options.terminal), memoryStream(options.terminal)];
  const run = { recipes: [] as Recipe[], engineStarts: 0, engineCloses: 0 };
  const startEngine = (): Engine => {
    const [near, far] = transportPair();
    run.engineStarts += 1;
    run.recipes = serveFakeEngine(far, options.script);
    const lost = options.lost
      ? Promise.resolve(new AppError('WORKER_CRASHED', 'The engine is gone.'))
      : new Promise<AppError>(() => {});
    const close = async (): Promise<void> => void (run.engineCloses += 1);
    return { ...connect(engineApi, near), lost, close, kill: () => {} };
  };
  const exitCode = await runCli(args, {
    startEngine,
    stdout,
    stderr,
    environment: options.environment ?? {},
    workingDirectory: '/here',
    signal: options.signal ?? new AbortController().signal,
  });
  return { exitCode, stdout: stdout.text, stderr: stderr.text, ...run };
}

export async function text(line: string): Promise<string> {
  return (await snug(line)).stdout;
}

/** A run whose job ends with `result`. */
export function withResult(line: string, result: JobResult): Promise<Run> {
  return snug(line, { script: { events: () => [{ type: 'started' }, { type: 'finished', result }] } });
}
