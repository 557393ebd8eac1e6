// Whose turn it is to compute: one heavy job at a time on a machine, over every engine that shares the catalog.
import { setTimeout as delay } from 'node:timers/promises';
import { thisProcess } from '../../core/process-identity.ts';
import type { Leases } from '../catalog/leases.ts';

export interface Turns {
  /**
   * Waits until `run` may compute and answers with what ends its turn. `waiting` is told what it waits for, once for
   * each. @throws what `signal` was aborted with
   */
  take(run: string, signal: AbortSignal, waiting: (waitingFor: string) => void): Promise<() => void>;
}

/** Every heavy job computes Grams, quantises or hashes on all cores, whatever runs its graphs: they share one device. */
const device = 'cpu';
const pollMs = 250;
const heartbeatMs = 2000;

/** Turns by leases in the catalog. */
export function leasedTurns(leases: Leases): Turns {
  return {
    async take(run, signal, waiting) {
      let told = '';
      for (;;) {
        signal.throwIfAborted();
        const holder = leases.take(device, run, thisProcess);
        if (holder === null) return holding(leases, run);
        const waitingFor = `run ${holder.experiment} of another Snug (process ${holder.pid})`;
        if (told !== waitingFor) waiting(waitingFor);
        told = waitingFor;
        await delay(pollMs, undefined, { signal });
      }
    },
  };
}

function holding(leases: Leases, run: string): () => void {
  const timer = setInterval(() => leases.beat(device, run), heartbeatMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    leases.release(device, run);
  };
}

/** Turns of an engine that shares nothing: its queue alone decides. */
export const soleTurns: Turns = { take: async () => () => {} };
