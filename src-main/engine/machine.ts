// What is known of this machine: measured once, corrected by every job, kept in the catalog until the processor, its
// cores or Snug change.
import { availableParallelism, cpus } from 'node:os';
import { z } from 'zod';
import { machineRates } from '../contract/preflight.ts';
import { version } from '../contract/version.ts';
import { learn, unmeasuredMachine, type Estimate, type Machine } from '../core/planning/estimate.ts';
import type { KeptSettings } from './catalog/settings.ts';
import type { Children } from './children.ts';

const key = 'machine';

/** What the rates belong to. */
export interface MachineIdentity {
  cpu: string;
  cores: number;
  version: string;
}

export const thisMachine = (): MachineIdentity => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  version,
});

const keptMachine = z.object({
  cpu: z.string(),
  cores: z.number(),
  version: z.string(),
  /** null: not measured yet. */
  measured: z.object({ rates: machineRates, startSeconds: z.number() }).nullable(),
  learned: z.record(z.string(), z.object({ expected: z.number(), actual: z.number() })),
});
type KeptMachine = z.infer<typeof keptMachine>;

export class MachineService {
  readonly #settings: KeptSettings;
  readonly #identity: MachineIdentity;

  constructor(settings: KeptSettings, identity = thisMachine()) {
    this.#settings = settings;
    this.#identity = identity;
  }

  /** What is known now: of a machine that was not measured, usual rates. */
  known(): Machine {
    const { measured, learned } = this.#read();
    return { ...(measured ?? unmeasuredMachine(this.#identity.cores)), learned };
  }

  isMeasured(): boolean {
    return this.#read().measured !== null;
  }

  /** Measures in a worker, about a second; `folder` is on the user data's disk. @throws what the worker does */
  async measure(children: Pick<Children, 'worker'>, folder: string, signal: AbortSignal): Promise<void> {
    const start = performance.now();
    const { rates, seconds } = await children.worker(signal, (client) =>
      client.measureMachine({ folder, threads: this.#identity.cores }, { signal }),
    );
    const startSeconds = Math.max(0, (performance.now() - start) / 1000 - seconds);
    // What was learned against other rates does not hold against these.
    this.#change((kept) => ({ ...kept, measured: { rates, startSeconds }, learned: {} }));
  }

  /** Notes the seconds that a job's stages took. */
  learn(expected: Pick<Estimate, 'plain'>, seconds: Readonly<Record<string, number>>): void {
    this.#change((kept) => ({ ...kept, learned: learn(kept.learned, expected, seconds) }));
  }

  /** Settings that cannot be read are as good as none: estimates go by usual rates. */
  #read(): KeptMachine {
    try {
      return this.#kept(this.#settings.get(key));
    } catch {
      return this.#kept(null);
    }
  }

  #change(change: (kept: KeptMachine) => KeptMachine): void {
    this.#settings.update(key, (value) => change(this.#kept(value)));
  }

  #kept(value: unknown): KeptMachine {
    const parsed = keptMachine.safeParse(value);
    const { cpu, cores, version: snug } = this.#identity;
    const isThis =
      parsed.success && parsed.data.cpu === cpu && parsed.data.cores === cores && parsed.data.version === snug;
    return isThis ? parsed.data : { ...this.#identity, measured: null, learned: {} };
  }
}
