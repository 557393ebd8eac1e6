// The command line as a process: streams, signals, exit code.
import { AppError } from '../contract/errors.ts';
import { startEngine, type Engine } from './engine-process.ts';
import { exitCodes } from './exit-codes.ts';
import { runCli } from './run-cli.ts';

/** A terminal's Ctrl-C can arrive twice, from the terminal and forwarded by npm; only a later one is a second wish. */
const sameSignalMs = 500;

/** Runs the arguments of this process with the engine program `engineFile`. */
export async function runProcess(engineFile: string): Promise<void> {
  const stop = new AbortController();
  let engine: Engine | null = null;
  let stoppedAt = 0;
  const onSignal = (): void => {
    if (!stop.signal.aborted) {
      stoppedAt = performance.now();
      stop.abort(new AppError('CANCELLED', 'Cancelled.'));
    } else if (performance.now() - stoppedAt > sameSignalMs) {
      engine?.kill();
      process.exit(exitCodes.cancelled);
    }
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  // A reader that went away (`snug texts | head -1`) is no reason to break off work on a file.
  process.stdout.on('error', ignoreClosedPipe);
  process.stderr.on('error', ignoreClosedPipe);
  process.exitCode = await runCli(process.argv.slice(2), {
    startEngine: () => (engine = startEngine(engineFile)),
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    workingDirectory: process.cwd(),
    signal: stop.signal,
  });
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
