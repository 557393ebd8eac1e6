// What tasks of the worker say of going on after a stop.
import { z } from 'zod';
import { bytes } from './units.ts';

/** A folder for a file that is cut short by a kill or a cancel, and what decides its bytes: a call that is given the same goes
 * on at the last finished tensor, where folder and output lie on one disk. */
export const keptPart = z.object({ folder: z.string(), key: z.string() });

/** Of a file that may be kept so. */
export const writtenTensors = {
  fileBytes: bytes,
  sha256: z.string(),
  /** The first tensor that was written, where those before it were finished already. */
  resumedAtTensor: z.number().int().nullable(),
};

/** Of a pass through the layers. */
export const takenUp = {
  /** The first layer that was run, where those before it were finished already. */
  resumedAtLayer: z.number().int().nullable(),
  /** Why what an earlier call left could not be used. */
  startedOver: z.string().nullable(),
};
