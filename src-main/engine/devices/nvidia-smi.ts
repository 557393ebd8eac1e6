// GPUs, driver and memory as nvidia-smi tells them. It comes with NVIDIA's driver on Linux and Windows, and may be missing, fail
// or hang (a driver that was updated under a running kernel does each).
import { execFile } from 'node:child_process';
import type { NvidiaGpu } from '../../contract/devices.ts';

/** With units left out and commas between; `nvidia-smi --help-query-gpu` explains each. */
const fields = ['index', 'name', 'driver_version', 'memory.total', 'memory.free', 'mig.mode.current'] as const;
/** Drivers before 450 know no MIG. */
const oldFields = fields.filter((field) => field !== 'mig.mode.current');

const limitMs = 10_000;
const MiB = 2 ** 20;

export interface NvidiaFound {
  gpus: NvidiaGpu[];
  /** Why there are none; null where there are. */
  reason: string | null;
}

export interface NvidiaOptions {
  /** Tried in order until one is there. @default where drivers put it */
  programs?: readonly string[];
  limitMs?: number;
}

/** Asks nvidia-smi; whatever goes wrong is the reason. */
export async function nvidiaGpus(options: NvidiaOptions = {}): Promise<NvidiaFound> {
  // Windows has it in System32; in WSL it is not in the path of every shell.
  for (const program of options.programs ?? ['nvidia-smi', '/usr/lib/wsl/lib/nvidia-smi']) {
    const answer = await ask(program, fields, options.limitMs ?? limitMs);
    if (answer.isMissing) continue;
    const isOld = /not a valid field/i.test(answer.text);
    return readNvidiaSmi(isOld ? await ask(program, oldFields, options.limitMs ?? limitMs) : answer);
  }
  return { gpus: [], reason: 'nvidia-smi is not on this machine: no NVIDIA driver is installed' };
}

export interface SmiAnswer {
  /** What it wrote on both streams. */
  text: string;
  /** 0 on success; null where it was ended. */
  exitCode: number | null;
}

function ask(program: string, wanted: readonly string[], timeout: number): Promise<SmiAnswer & { isMissing: boolean }> {
  const query = [`--query-gpu=${wanted.join()}`, '--format=csv,noheader,nounits'];
  return new Promise((resolve) => {
    execFile(program, query, { timeout, killSignal: 'SIGKILL', windowsHide: true }, (error, stdout, stderr) => {
      const text = `${stdout}\n${stderr}`.trim();
      if (!error) return resolve({ text, exitCode: 0, isMissing: false });
      if (typeof error.code === 'number') return resolve({ text, exitCode: error.code, isMissing: false });
      if (error.killed) {
        return resolve({ text: `it did not answer within ${timeout / 1000} s`, exitCode: null, isMissing: false });
      }
      resolve({ text: error.message, exitCode: null, isMissing: (error.code as unknown) === 'ENOENT' });
    });
  });
}

/** Reads its answer to a query of `fields`. */
export function readNvidiaSmi({ text, exitCode }: SmiAnswer): NvidiaFound {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const gpus = exitCode === 0 ? lines.flatMap(readLine) : [];
  if (gpus.length > 0) return { gpus, reason: null };
  const said = lines[0]?.trim() ?? 'it said nothing';
  return { gpus, reason: `nvidia-smi: ${said}${exitCode ? ` (exit code ${exitCode})` : ''}` };
}

/** `0, NVIDIA GeForce RTX 4090, 550.54.15, 24564, 23028, [N/A]`; nothing where it is another sentence. */
function readLine(line: string): NvidiaGpu[] {
  const cells = line.split(',').map((cell) => cell.trim());
  const [index, name, driver, total, free, mig] = cells;
  if (cells.length < oldFields.length || !/^\d+$/.test(index!)) return [];
  return [
    {
      ...{ index: Number(index), name: name!, driver: isKnown(driver!) ? driver! : null },
      ...{ totalBytes: mebibytes(total!), freeBytes: mebibytes(free!), isDivided: mig === 'Enabled' },
    },
  ];
}

/** `[N/A]`, `[Not Supported]`, `[Unknown Error]`, `[Insufficient Permissions]`. */
const isKnown = (cell: string): boolean => cell !== '' && !/^\[.*\]$|^N\/A$/i.test(cell);

const mebibytes = (cell: string): number | null => (/^\d+$/.test(cell) ? Number(cell) * MiB : null);
