// What a job is expected to take on this machine, told before it starts; and what is known of the machine for that.
import { z } from 'zod';
import { bytes } from './units.ts';

/** How fast this machine is, on all of its cores. */
export const machineRates = z.object({
  /** Threads that were measured together. */
  threads: z.number().int().positive(),
  /** Floating-point operations of float32 products, two per multiply-add. */
  operationsPerSecond: z.number().positive(),
  /** What ggml's kernels quantise from float32: float and legacy types, K types, IQ types. */
  weightsPerSecond: z.object({ legacy: z.number().positive(), k: z.number().positive(), iq: z.number().positive() }),
  /** Of a file in the user data, synced; and read again, which the system may do from memory. */
  writeBytesPerSecond: z.number().positive(),
  readBytesPerSecond: z.number().positive(),
});
export type MachineRates = z.infer<typeof machineRates>;

export const secondsRange = z.object({ low: z.number(), likely: z.number(), high: z.number() });
export type SecondsRange = z.infer<typeof secondsRange>;

export const preflight = z.object({
  /** null where it cannot be told. */
  seconds: secondsRange.nullable(),
  /** By the names under which a result has its stages. */
  stages: z.record(z.string(), secondsRange),
  /** Of any process, without what llama.cpp maps from files; null where it cannot be told. */
  peakMemoryBytes: bytes.nullable(),
  /** One entry per disk. freeBytes: null where the file system does not say. */
  disks: z.array(z.object({ place: z.string(), neededBytes: bytes, freeBytes: bytes.nullable() })),
  problems: z.array(
    z.object({
      kind: z.enum(['disk', 'memory']),
      message: z.string(),
      /** A job with this problem is not begun; without, it is a warning. */
      refuses: z.boolean(),
      neededBytes: bytes,
      availableBytes: bytes,
    }),
  ),
  /** Other things to know before it starts. */
  warnings: z.array(z.string()),
});
export type Preflight = z.infer<typeof preflight>;
