// What a model has to fit into.
import { z } from 'zod';
import { kvType } from './llama-host-api.ts';
import { bytes } from './units.ts';

const GiB = 2 ** 30;

export const memoryTarget = z.object({
  kind: z.literal('memory'),
  /** Memory of the card. */
  bytes,
  context: z.number().int().positive().default(4096),
  kvType: kvType.default('f16'),
  /** Left free on the card for the display and the driver. */
  reserveBytes: bytes.default(GiB),
});

export const fileTarget = z.object({ kind: z.literal('file'), bytes });

export const target = z.discriminatedUnion('kind', [memoryTarget, fileTarget]);
export type Target = z.infer<typeof target>;
export type MemoryTarget = z.infer<typeof memoryTarget>;
