// Whose turn it is to compute: one heavy job at a time on a machine, over every engine that shares the catalog. Where
// the catalog cannot be written, turns go by what can be read of it, and a run says so; nothing here ends the engine.
import { setTimeout as delay } from 'node:timers/promises';
import { thisProcess } from '../../core/process-identity.ts';
import type { AppLog } from '../app-log.ts';
import { isBusy } from '../catalog/database.ts';
import { heartbeatMs } from '../catalog/engines.ts';
import type { Lease, Leases } from '../catalog/leases.ts';
import { isUnwritable } from '../catalog/unwritable.ts';

/** That a run may compute. */
export interface Turn {
  /** What its result has to say of it; null where all is well. */
  warning: string | null;
  end: () => void;
}

export interface Turns {
  /**
   * Waits until `run` may compute. `waiting` is told what it waits for, once for each. @throws what `signal` was
   * aborted with
   */
  take(run: string, signal: AbortSignal, waiting: (waitingFor: string) => void): Promise<Turn>;
  /** Nothing is written any more: a lease that is left goes with this process. */
  close(): void;
}

/** Every heavy job computes Grams, quantises or hashes on all cores, whatever runs its graphs: they share one device. */
const device = 'cpu';
const pollMs = 250;
const busy = 'another Snug that holds the history';

/** Turns by leases in the catalog; `log` is told what could not be written. */
export function leasedTurns(leases: Leases, log: AppLog): Turns {
  let givingBack: NodeJS.Timeout | null = null;

  function hold(run: string, problem: string | null): Turn {
    let isHeld = problem === null;
    let told = problem;
    if (isHeld) stopGivingBack();
    const timer = setInterval(() => {
      try {
        if (isHeld) leases.beat(device, run);
        else isHeld = leases.take(device, run, thisProcess) === null;
        if (isHeld) stopGivingBack();
        told = null;
      } catch (error) {
        // No reason to stop: a lease passes on when its engine is gone, not when a heartbeat is late.
        const { message } = error as Error;
        if (!isBusy(error) && told !== message) log('heartbeat', { run, message });
        if (!isBusy(error)) told = message;
      }
    }, heartbeatMs).unref();
    const end = (): void => {
      clearInterval(timer);
      if (isHeld) giveBack(run);
    };
    return { warning: problem && withoutTurn(problem), end };
  }

  /** A lease that cannot be given back now is given back later, or taken by this engine's next run. */
  function giveBack(run: string): void {
    try {
      leases.release(device, run);
    } catch {
      givingBack = setTimeout(() => giveBack(run), pollMs).unref();
    }
  }

  function stopGivingBack(): void {
    if (givingBack) clearTimeout(givingBack);
    givingBack = null;
  }

  return {
    async take(run, signal, waiting) {
      let told = '';
      for (;;) {
        signal.throwIfAborted();
        const { waitingFor, problem } = ask(leases, run);
        if (waitingFor === null) {
          if (problem !== null) log('no turn', { run, message: problem });
          return hold(run, problem);
        }
        if (told !== waitingFor) waiting(waitingFor);
        told = waitingFor;
        await delay(pollMs, undefined, { signal });
      }
    },
    close: stopGivingBack,
  };
}

interface Answer {
  /** null: the run may compute. */
  waitingFor: string | null;
  /** Why it has no lease then. */
  problem: string | null;
}

/** Asks for the lease; where the catalog cannot be written, for whoever is seen to hold it. */
function ask(leases: Leases, run: string): Answer {
  try {
    return { waitingFor: inWords(leases.take(device, run, thisProcess)), problem: null };
  } catch (error) {
    if (isBusy(error)) return { waitingFor: busy, problem: null };
    if (!isUnwritable(error)) throw error;
    return { waitingFor: inWords(seenHolder(leases)), problem: (error as Error).message };
  }
}

function seenHolder(leases: Leases): Lease | null {
  try {
    return leases.holder(device, thisProcess);
  } catch {
    return null; // as where there is no catalog
  }
}

const inWords = (holder: Pick<Lease, 'experiment' | 'pid'> | null): string | null =>
  holder && `run ${holder.experiment} of another Snug (process ${holder.pid})`;

const withoutTurn = (problem: string): string =>
  `Another Snug may have computed at the same time: the turn of this run could not be written to the history: ${problem.replace(/\.$/, '')}.`;

/** Turns of an engine that has no history, and why: its queue alone decides, and no other engine sees them. */
export const soleTurns = (problem: string, log: AppLog): Turns => ({
  async take(run) {
    log('no turn', { run, message: problem });
    return { warning: withoutTurn(problem), end: () => {} };
  },
  close: () => {},
});
