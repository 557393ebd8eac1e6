// How many cores nobody else is using right now. llama.cpp's threads spin while they wait for each other: with one
// thread more than free cores a small model runs ten times slower, not a little slower.
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** Long enough for the system's 10 ms ticks to tell idle from busy. */
const sampleMs = 120;

/** Cores that were idle during a short sample, at least 1. Ask while the job itself is resting. */
export async function freeCores(): Promise<number> {
  const before = idleAndTotal();
  await sleep(sampleMs);
  const after = idleAndTotal();
  const idleShare = (after.idle - before.idle) / Math.max(1, after.total - before.total);
  return Math.max(1, Math.round(idleShare * cpus().length));
}

function idleAndTotal(): { idle: number; total: number } {
  let idle = 0;
  let total = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    total += times.user + times.nice + times.sys + times.idle + times.irq;
  }
  return { idle, total };
}
