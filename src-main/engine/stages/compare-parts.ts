// A comparison over many windows in parts, each kept when it is finished: a run that is taken up goes on at the first part
// that is missing. Parts are cut by the windows alone, so that a run nobody disturbed computes the same.
import { z } from 'zod';
import type { WindowComparison } from '../../contract/llama-host-api.ts';
import type { Progress } from '../../contract/progress.ts';
import { checkpointed } from '../jobs/checkpoint.ts';
import type { JobContext } from '../jobs/context.ts';

/** Tokens of a part, at least: for many of them weights are read and widened once. */
const partTokens = 65_536;

export interface Compared {
  windows: WindowComparison[];
  seconds: number;
  /** Of them, for the reference alone, where it is known. */
  referenceSeconds?: number | undefined;
  device: string;
}

interface PartsRequest {
  windows: readonly Int32Array[];
  /** All else that decides a figure, as JSON. */
  inputs: unknown;
  report: (progress: Progress) => void;
}

/** Compares the windows of one part; `suffix` is the part's own, for files that it keeps: empty where there is one part. */
type ComparePart = (windows: Int32Array[], report: (progress: Progress) => void, suffix: string) => Promise<Compared>;

/** Runs `compare` part by part. @throws what it throws */
export async function compareInParts(
  context: JobContext,
  { windows, inputs, report }: PartsRequest,
  compare: ComparePart,
): Promise<Compared> {
  const parts = partsOf(windows);
  if (parts.length === 1) return compare(parts[0]!, report, '');
  const all = tokensIn(windows);
  const done: Compared[] = [];
  let before = 0;
  for (const [index, part] of parts.entries()) {
    const own = tokensIn(part);
    const reportPart = (progress: Progress): void => report(ofAll(progress, { before, own, all }));
    const checkpoint = { name: 'evaluate-part', inputs: { inputs, part: index, parts: parts.length }, schema: kept };
    const made = await checkpointed(context, checkpoint, async () =>
      encode(await compare(part, reportPart, `-${index}`)),
    );
    done.push(decode(made));
    before += own;
  }
  const sum = (of: (part: Compared) => number): number => done.reduce((total, part) => total + of(part), 0);
  return {
    windows: done.flatMap((part) => part.windows),
    seconds: sum((part) => part.seconds),
    referenceSeconds: sum((part) => part.referenceSeconds ?? 0),
    device: done.at(-1)!.device,
  };
}

const tokensIn = (windows: readonly Int32Array[]): number => windows.reduce((sum, { length }) => sum + length, 0);

/** In their order; the last one may be small. */
function partsOf(windows: readonly Int32Array[]): Int32Array[][] {
  const parts: Int32Array[][] = [];
  let room = 0;
  for (const window of windows) {
    if (room <= 0) {
      parts.push([]);
      room = partTokens;
    }
    parts.at(-1)!.push(window);
    room -= window.length;
  }
  return parts;
}

/** The progress of a part as that of all parts, which are as much work per token. */
function ofAll(
  { done, total, perSecond, secondsLeft, ...rest }: Progress,
  { before, own, all }: { before: number; own: number; all: number },
): Progress {
  const [doneOfAll, totalOfAll] = [done + (total * before) / own, (total * all) / own];
  const isKnown = perSecond !== undefined && secondsLeft !== undefined;
  return {
    ...{ ...rest, done: doneOfAll, total: totalOfAll },
    ...(perSecond !== undefined && { perSecond }),
    ...(isKnown && { secondsLeft: (totalOfAll - doneOfAll) / perSecond }),
  };
}

const values = z.string().nullable();
const kept = z.object({
  windows: z.array(z.object({ referenceNll: values, candidateNll: z.string(), kld: values, sameTop: values })),
  seconds: z.number(),
  referenceSeconds: z.number().optional(),
  device: z.string(),
});
type Kept = z.infer<typeof kept>;

function encode({ windows, seconds, referenceSeconds, device }: Compared): Kept {
  const text = (array: Float32Array | Uint8Array): string =>
    Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('base64');
  const optional = (array: Float32Array | Uint8Array | null): string | null => array && text(array);
  return {
    windows: windows.map(({ referenceNll, candidateNll, kld, sameTop }) => ({
      referenceNll: optional(referenceNll),
      candidateNll: text(candidateNll),
      kld: optional(kld),
      sameTop: optional(sameTop),
    })),
    ...{ seconds, device, ...(referenceSeconds !== undefined && { referenceSeconds }) },
  };
}

function decode({ windows, ...rest }: Kept): Compared {
  const bytes = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, 'base64'));
  const floats = (text: string): Float32Array => new Float32Array(bytes(text).buffer);
  return {
    ...rest,
    windows: windows.map(({ referenceNll, candidateNll, kld, sameTop }) => ({
      referenceNll: referenceNll === null ? null : floats(referenceNll),
      candidateNll: floats(candidateNll),
      kld: kld === null ? null : floats(kld),
      sameTop: sameTop === null ? null : bytes(sameTop),
    })),
  };
}
