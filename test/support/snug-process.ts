// The command line as a process of its own, with its real engine.
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { root } from './paths.ts';

export interface Ended {
  code: number | null;
  value: unknown;
  stderr: string;
}

/** Runs `snug ARGS --json` in `folder`, with user data in `home` and more of an environment; `onStderr` sees what was written so far. */
export const snugIn =
  (folder: string, home: string, environment: NodeJS.ProcessEnv = {}) =>
  (args: string[], onStderr: (text: string, child: ChildProcess) => void = () => {}): Promise<Ended> => {
    const child = spawn(process.execPath, [path.join(root, 'src-main/cli/main.ts'), ...args, '--json'], {
      cwd: folder,
      env: { ...process.env, ...environment, SNUG_HOME: home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      onStderr(stderr, child);
    });
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, value: JSON.parse(stdout), stderr }));
    });
  };
