// Whose turn it is to compute: one heavy job at a time on a machine, over every engine that shares the catalog.
import { setTimeout as delay } from 'node:timers/promises';
import { thisProcess } from '../../core/process-identity.ts';
import { isBusy } from '../catalog/database.ts';
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
const busy = 'another Snug that holds the history';

/** Turns by leases in the catalog. */
export function leasedTurns(leases: Leases): Turns {
  return {
    async take(run, signal, waiting) {
      let told = '';
      for (;;) {
        signal.throwIfAborted();
        const holder = attempt(() => leases.take(device, run, thisProcess), busy);
        if (holder === null) return holding(leases, run);
        const waitingFor = holder === busy ? busy : `run ${holder.experiment} of another Snug (process ${holder.pid})`;
        if (told !== waitingFor) waiting(waitingFor);
        told = waitingFor;
        await delay(pollMs, undefined, { signal });
      }
    },
  };
}

function holding(leases: Leases, run: string): () => void {
  const timer = setInterval(() => attempt(() => leases.beat(device, run), undefined), heartbeatMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    release(leases, run);
  };
}

/** A lease that cannot be given back now is given back later; at the latest it goes with this process. */
function release(leases: Leases, run: string): void {
  const isReleased = attempt(() => (leases.release(device, run), true), false);
  if (!isReleased) setTimeout(() => release(leases, run), pollMs).unref();
}

/** What `action` gives, or `otherwise` while another process holds the catalog. */
function attempt<T, Otherwise>(action: () => T, otherwise: Otherwise): T | Otherwise {
  try {
    return action();
  } catch (error) {
    if (!isBusy(error)) throw error;
    return otherwise;
  }
}

/** Turns of an engine that shares nothing: its queue alone decides. */
export const soleTurns: Turns = { take: async () => () => {} };
