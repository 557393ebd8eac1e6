// What a run used of a hub: which commit, which files, and where they are now.
import { z } from 'zod';
import { bytes } from './units.ts';

export const hubModel = z.object({
  /** As it was asked for. */
  address: z.string(),
  /** The commit that its revision was then. */
  commit: z.string(),
  /** On this machine; null where only headers were read. */
  path: z.string().nullable(),
  files: z.array(z.object({ name: z.string(), bytes })),
  /** Of all files. */
  bytes,
  /** That came over the network for this run. */
  fetchedBytes: bytes,
});
export type HubModel = z.infer<typeof hubModel>;

/** A part of every result; absent where all models were on this machine. */
export const hubModels = { hub: z.array(hubModel).optional() };
