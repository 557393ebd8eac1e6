// Another program, run without a shell: what it wrote, or RUNNER_FAILED with its last lines.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { AppError } from '../../contract/errors.ts';
import type { Places } from './places.ts';

/** Of output, kept for errors and answers. */
const mostCharacters = 64 * 1024;
const linesShown = 5;

export interface ProgramOptions {
  places: Places;
  signal: AbortSignal;
  /** Sees every piece of output. */
  onOutput?: (text: string) => void;
}

/** Answers with all it wrote. @throws RUNNER_FAILED, CANCELLED */
export function runProgram(program: string, args: readonly string[], options: ProgramOptions): Promise<string> {
  const { places, signal, onOutput } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: places.environment, stdio: ['ignore', 'pipe', 'pipe'], signal });
    let output = '';
    const take = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-mostCharacters);
      onOutput?.(chunk.toString());
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (error) =>
      reject(signal.aborted ? cancelled() : failed({ program, args }, error.message, output)),
    );
    child.on('close', (code, killedBy) => {
      if (code === 0) resolve(stripVTControlCharacters(output));
      else if (signal.aborted) reject(cancelled());
      else reject(failed({ program, args }, killedBy ? `was ended by ${killedBy}` : `ended with ${code}`, output));
    });
  });
}

const cancelled = (): AppError => new AppError('CANCELLED', 'Cancelled.');

function failed(call: { program: string; args: readonly string[] }, how: string, output: string): AppError {
  const lines = stripVTControlCharacters(output)
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(-linesShown);
  const name = `${path.basename(call.program)} ${call.args[0] ?? ''}`.trim();
  const said = lines.length === 0 ? 'It wrote nothing.' : `It wrote: ${lines.join(' / ')}`;
  return new AppError('RUNNER_FAILED', `${name} ${how}. ${said}`, { ...call, output: lines.join('\n') });
}

const versionTimeoutMs = 3000;

/** The first version number in what `program --version` writes; null where it does not answer in time. */
export async function versionOf(program: string, places: Places, pattern: RegExp): Promise<string | null> {
  const signal = AbortSignal.timeout(versionTimeoutMs);
  const text = await runProgram(program, ['--version'], { places, signal }).catch(() => '');
  return pattern.exec(text)?.[1] ?? null;
}
