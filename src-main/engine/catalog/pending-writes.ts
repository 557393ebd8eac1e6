// Writes of runs in their order: one that the disk or another process's lock keeps from being made is made once it can
// be, and those behind it wait.
import { setTimeout as delay } from 'node:timers/promises';
import { isBusy } from './database.ts';
import { isUnwritable } from './unwritable.ts';

interface Write {
  run: string;
  make: () => void;
}

/** A write that could not be made is made again after this long. */
const retryMs = 1000;
const settleAttempts = 5;

export class PendingWrites {
  readonly #writes: Write[] = [];
  /** What the first of them met. */
  #stuck: unknown = null;
  #retry: NodeJS.Timeout | null = null;
  /** Runs of which the catalog does not take something, whenever it is asked, and why. */
  readonly #refused = new Map<string, string>();

  add(run: string, make: Write['make']): void {
    this.#writes.push({ run, make });
    this.flush();
  }

  /** Makes what can be made now. */
  flush(): void {
    for (let next = this.#writes[0]; next; next = this.#writes[0]) {
      try {
        next.make();
      } catch (error) {
        if (isBusy(error) || isUnwritable(error)) {
          this.#stuck = error;
          this.#retryLater();
          return;
        }
        this.#refused.set(next.run, (error as Error).message);
      }
      this.#writes.shift();
    }
  }

  /** @throws what keeps writes of this run from being made */
  require(run: string): void {
    if (this.#isPending(run)) throw this.#stuck;
  }

  /** Why a run is not kept as it is now; null where it is, or waits for another process, which lets go soon. */
  problemOf(run: string): string | null {
    if (!this.#isPending(run) || isBusy(this.#stuck)) return this.#refused.get(run) ?? null;
    return `${(this.#stuck as Error).message}. It is written once that is possible, as long as Snug runs.`;
  }

  /** Makes what waits, as far as it can be made within a moment, and gives up the rest, whose number it answers. */
  async settle(): Promise<number> {
    for (let attempt = 0; this.#writes.length > 0 && attempt < settleAttempts; attempt++) {
      this.flush();
      if (this.#writes.length > 0) await delay(retryMs / 10);
    }
    if (this.#retry) clearTimeout(this.#retry);
    return this.#writes.length;
  }

  #isPending(run: string): boolean {
    return this.#writes.some((waiting) => waiting.run === run);
  }

  #retryLater(): void {
    this.#retry ??= setTimeout(() => {
      this.#retry = null;
      this.flush();
    }, retryMs).unref();
  }
}
