// The messages on the wire: request / cancel / result / error / progress / event; and what a transport refused.
import { z } from 'zod';
import { AppError, errorShape } from '../contract/errors.ts';

const id = z.number().int().nonnegative();

/** What a transport may have to refuse. */
export const messageKind = z.enum(['request', 'cancel', 'result', 'error', 'progress', 'event']);

/** Made by a transport in place of a message that it refuses. */
const refused = z.object({
  kind: z.literal('refused'),
  of: messageKind,
  id,
  /** Larger than any may be, or than one that does not come in pieces; too many at once; not ours, or torn; never finished. */
  why: z.enum(['large', 'whole', 'many', 'unreadable', 'stalled']),
  bytes: z.number(),
  limitBytes: z.number(),
});
export type Refused = z.infer<typeof refused>;

/** Of what is no request, enough to answer it. */
export const requestHead = z.object({ kind: z.literal('request'), id });

export const wireMessage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('request'), id, method: z.string(), params: z.unknown() }),
  z.object({ kind: z.literal('cancel'), id }),
  z.object({ kind: z.literal('result'), id, result: z.unknown() }),
  z.object({ kind: z.literal('error'), id, error: errorShape }),
  z.object({ kind: z.literal('progress'), id, progress: z.unknown() }),
  refused,
  z.object({ kind: z.literal('event'), name: z.string(), seq: id, payload: z.unknown() }),
]);

/** What the caller is told of a message that was refused: of a request, that it asked wrongly; of an answer, a fault of ours. */
export function refusal({ of, why, bytes, limitBytes }: Refused): AppError {
  const told: Record<Refused['why'], string> = {
    large: `A ${of} of ${bytes} bytes is larger than the ${limitBytes} that one message may have: such data goes by file.`,
    whole: `A ${of} of ${bytes} bytes or more came in one piece: above ${limitBytes} a message goes in smaller ones.`,
    many: `A ${of} of ${bytes} bytes came while many large messages were unfinished: send it again when they are done.`,
    unreadable: `A ${of} of ${bytes} bytes cannot be read: it is no message of Snug, or a piece of it is missing.`,
    stalled: `A ${of} of ${bytes} bytes stopped midway: its other pieces did not come.`,
  };
  return new AppError(of === 'request' ? 'USAGE' : 'INTERNAL', told[why], { of, why, bytes, limitBytes });
}
