// A small job of the command line whose processes are killed at random moments, and taken up again until it is done.
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './paths.ts';

export interface Victims {
  /** Of the engine that the command line started. */
  engine: number;
  /** Workers and llama hosts of that engine. */
  children: number[];
}

export interface SnugProcess {
  /** Exit code and what stdout held. */
  ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
  /** The processes that are there now; null while there is no engine. */
  victims: () => Victims | null;
  command: ChildProcess;
}

/** Starts the command line on a user-data folder of its own, in `folder`. */
export function snug(home: string, args: readonly string[], folder?: string): SnugProcess {
  const command = spawn(
    process.execPath,
    [path.join(root, 'src-main/cli/main.ts'), ...args, '--json', '--progress', 'none'],
    {
      env: { ...process.env, SNUG_HOME: home },
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const text = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    command[name].setEncoding('utf8').on('data', (chunk: string) => (text[name] += chunk));
  return {
    command,
    ended: new Promise((resolve) => command.once('close', (code) => resolve({ code, ...text }))),
    victims: () => {
      const engine = childrenOf(command.pid!).find(({ program }) => program.includes('engine/main.ts'));
      if (!engine) return null;
      return { engine: engine.pid, children: childrenOf(engine.pid).map(({ pid }) => pid) };
    },
  };
}

/** Linux: /proc. */
export function childrenOf(parent: number): { pid: number; program: string }[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(ppid) !== parent) return [];
      return [{ pid: Number(name), program: readFileSync(`/proc/${name}/cmdline`, 'utf8') }];
    } catch {
      return []; // gone meanwhile
    }
  });
}

/** Hex SHA-256 of a file, or of all files of a folder by name. */
export function bytesOf(output: string): string {
  const hash = createHash('sha256');
  const names = output.endsWith('.gguf') || output.endsWith('.onnx') ? [''] : readdirSync(output).toSorted();
  for (const name of names) hash.update(`${name}\n`).update(readFileSync(path.join(output, name)));
  return hash.digest('hex');
}
