// Threads that llama.cpp uses unless told otherwise: one per physical core. Its barriers spin, so two threads on one core
// (hyper-threading) gain nothing and slow the others down.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const linuxCpus = '/sys/devices/system/cpu';

/** Physical cores that this process may use; all processors where the system does not tell which are siblings. */
export function defaultThreads(): number {
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
