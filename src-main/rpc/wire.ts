// The messages on the wire: request / cancel / result / error / progress / event.
import { z } from 'zod';
import { errorShape } from '../contract/errors.ts';

const id = z.number().int().nonnegative();

export const wireMessage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('request'), id, method: z.string(), params: z.unknown() }),
  z.object({ kind: z.literal('cancel'), id }),
  z.object({ kind: z.literal('result'), id, result: z.unknown() }),
  z.object({ kind: z.literal('error'), id, error: errorShape }),
  z.object({ kind: z.literal('progress'), id, progress: z.unknown() }),
  z.object({ kind: z.literal('event'), name: z.string(), seq: id, payload: z.unknown() }),
]);
