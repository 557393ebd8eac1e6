// The messages on the wire: request / cancel / result / error / progress / event; and what a transport refused.
import { z } from 'zod';
import { AppError, errorShape } from '../contract/errors.ts';

const id = z.number().int().nonnegative();

export const wireMessage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('request'), id, method: z.string(), params: z.unknown() }),
  z.object({ kind: z.literal('cancel'), id }),
  z.object({ kind: z.literal('result'), id, result: z.unknown() }),
  z.object({ kind: z.literal('error'), id, error: errorShape }),
  z.object({ kind: z.literal('progress'), id, progress: z.unknown() }),
  /** Made by the transport in place of a message that was too large to be taken. */
  z.object({ kind: z.literal('refused'), of: z.string(), id, bytes: z.number(), limitBytes: z.number() }),
  z.object({ kind: z.literal('event'), name: z.string(), seq: id, payload: z.unknown() }),
]);

/** What the caller is told of a message that was refused. */
export function tooLarge({ of, bytes, limitBytes }: { of: string; bytes: number; limitBytes: number }): AppError {
  const message = `A ${of} of ${bytes} bytes is larger than the ${limitBytes} that one message may have: such data goes by file.`;
  return new AppError('USAGE', message, { of, bytes, limitBytes });
}
