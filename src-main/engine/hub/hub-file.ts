// A file of a commit, as a hub lists it.
import { z } from 'zod';
import { isInside } from '../../contract/hub-address.ts';

export const hubFile = z.object({
  /** Its path in the repository; one that could lead out of a folder is none. */
  name: z.string().refine(isInside),
  bytes: z.number().int().nonnegative(),
  /** Of a file that is kept outside of git: every large one. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  /** Of the others: SHA-1 of git's blob. */
  blob: z.string().regex(/^[0-9a-f]{40}$/),
});
export type HubFile = z.infer<typeof hubFile>;
