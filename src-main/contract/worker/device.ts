// What the worker tells of this machine: its libraries, what onnxruntime's providers show, how fast it is.
import { z } from 'zod';
import { machineRates } from '../preflight.ts';

/** Execution providers that Snug's graphs may run on, by onnxruntime's names. Every graph is proved on `cpu`. */
export const graphProvider = z.enum(['cpu', 'cuda', 'webgpu']);
export type GraphProvider = z.infer<typeof graphProvider>;

/** Providers that have to show what they can do before a job runs on them. */
export const probedProvider = graphProvider.exclude(['cpu']);
export type ProbedProvider = z.infer<typeof probedProvider>;

/** What a provider showed on this machine. */
export const providerProbe = z.object({
  /** auto: it may be chosen; named: only where it is named; absent: it is not there; faulty: it is, and does not work. */
  state: z.enum(['auto', 'named', 'absent', 'faulty']),
  /** Whose driver answers, where that can be learnt; null otherwise. */
  adapter: z.string().nullable(),
  /** Why it is not chosen by itself; null where it may be. */
  reason: z.string().nullable(),
  /** The largest difference from the processor's results, as a share of an output's largest value; null: not compared. */
  deviation: z.number().nullable(),
  /** How many times as fast as the processor it ran a block of 1,024 tokens; null: not timed. */
  speedup: z.number().nullable(),
  /** Weights in F16 can be read there. */
  hasFloat16: z.boolean(),
});
export type ProviderProbe = z.infer<typeof providerProbe>;

export const ggmlTypeRow = z.object({
  id: z.number().int(),
  name: z.string(),
  blockSize: z.number().int(),
  typeSize: z.number().int(),
  canQuantize: z.boolean(),
  canDequantize: z.boolean(),
  requiresImportance: z.boolean(),
});

export const deviceTasks = {
  identify: {
    params: z.object({}),
    result: z.object({ ggmlVersion: z.string(), types: z.array(ggmlTypeRow), onnxProviders: z.array(z.string()) }),
  },
  /** Tries a provider on tiny graphs against the processor. May end or hang this process, as a driver may. @throws nothing */
  probeProvider: {
    params: z.object({
      provider: probedProvider,
      threads: z.number().int().positive(),
      /** Compare results also where it is known to be no GPU. */
      thorough: z.boolean(),
    }),
    result: providerProbe,
  },
  /** How fast this machine is: about a second of products, quantising, and writing into `folder`. */
  measureMachine: {
    params: z.object({ folder: z.string(), threads: z.number().int().positive() }),
    /** seconds: without the start of the process. */
    result: z.object({ rates: machineRates, seconds: z.number() }),
  },
};
