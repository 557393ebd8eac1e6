// How many threads llama.cpp gets unless told otherwise: one per physical core that nothing else keeps busy. Its threads
// spin at barriers, so one too many costs a multiple: on two busy cores 2 threads took 10 times as long as 1.
// The numbers do not depend on it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const linuxCpus = '/sys/devices/system/cpu';
/** Long enough for the 10-16 ms grain of the systems' counters. */
const sampleMs = 100;

/** Physical cores that this process may use; all processors where the system does not tell which are siblings. */
export function physicalCores(): number {
  const allowed = os.availableParallelism();
  if (!existsSync(linuxCpus)) return allowed;
  const siblings = readdirSync(linuxCpus)
    .filter((name) => /^cpu\d+$/.test(name))
    .map((name) => path.join(linuxCpus, name, 'topology/thread_siblings_list'))
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, 'utf8'));
  const cores = new Set(siblings).size;
  return cores === 0 ? allowed : Math.min(allowed, cores);
}

interface Sample {
  /** Milliseconds that all processors together were busy, and what this process had of it. */
  busy: number;
  own: number;
  at: number;
}

function sample(): Sample {
  const busy = os.cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  const { user, system } = process.cpuUsage();
  return { busy, own: (user + system) / 1000, at: performance.now() };
}

/** Threads for a system where others keep `busyOthers` processors at work. */
export function threadsBeside(busyOthers: number, cores: number): number {
  return Math.max(1, Math.min(cores, Math.round(cores - busyOthers)));
}

/** Looks for 100 ms at what other processes do. */
export async function defaultThreads(): Promise<number> {
  const before = sample();
  await sleep(sampleMs);
  const after = sample();
  const busyOthers = (after.busy - before.busy - (after.own - before.own)) / (after.at - before.at);
  return threadsBeside(busyOthers, physicalCores());
}
