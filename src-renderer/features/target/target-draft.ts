// What the user types into the target form, and what it means. Memory is counted in GiB, files in GB.
import type { z } from 'zod';
import { parseSize } from '../../../src-main/contract/units.ts';
import type { target } from '../../../src-main/contract/target.ts';
import { useWords } from '../../words/words.ts';

const words = useWords();

export const offeredKvTypes = ['f16', 'q8_0', 'q4_0'] as const;

export interface TargetDraft {
  kind: 'memory' | 'file';
  card: string;
  /** Memory left free for the display and the driver. */
  reserve: string;
  context: number;
  kvType: (typeof offeredKvTypes)[number];
  file: string;
}

export type TargetInput = z.input<typeof target>;
export type DraftProblems = Partial<Record<'card' | 'reserve' | 'file', string>>;
export type ReadDraft = { target: TargetInput; problems: null } | { target: null; problems: DraftProblems };

/** Cards that are sold, to pick instead of typing one. */
export const commonCards = [8, 10, 12, 16, 20, 24, 32].map((size) => ({ value: `${size} GiB` }));

const GiB = 2 ** 30;
const smallestContext = 512;
const usualContext = 4096;
/** The longest context offered for a model that does not say its own. */
const assumedContextLimit = 131_072;

export function newTargetDraft(): TargetDraft {
  return { kind: 'memory', card: '24 GiB', reserve: '1 GiB', context: usualContext, kvType: 'f16', file: '8 GB' };
}

/**
 * Bytes of a card's memory as people say it: `24`, `24 GB`, `a 24 GB card`, `22.5 GiB`, `512 MiB`; null when it is none of these.
 * Cards are sold in GB and hold that many GiB, so here GB means GiB (and MB MiB).
 */
export function parseCardMemory(text: string): number | null {
  const match = /^(?:an?\s+)?(\d+(?:[.,]\d+)?)\s*(g|gb|gib|m|mb|mib)?(?:\s+card)?$/i.exec(text.trim());
  if (!match) return null;
  const factor = /^m/i.test(match[2] ?? '') ? 2 ** 20 : GiB;
  const bytes = Math.round(Number(match[1]!.replace(',', '.')) * factor);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** Memory as it is typed, exact, in the unit that keeps it short: `24 GiB`, `512 MiB`. */
export function memoryText(bytes: number): string {
  return bytes >= GiB ? `${bytes / GiB} GiB` : `${bytes / 2 ** 20} MiB`;
}

/** Bytes of a file size: `8 GB`, `900 MB`, `7.5 GiB`; a bare number is GB. */
export function parseFileSize(text: string): number | null {
  const bare = text.trim().replace(',', '.');
  try {
    return parseSize(/^\d+(\.\d+)?$/.test(bare) ? `${bare}GB` : bare);
  } catch {
    return null;
  }
}

/** The target that a draft means, or what is wrong with each field. */
export function readDraft(draft: TargetDraft): ReadDraft {
  if (draft.kind === 'file') {
    const bytes = parseFileSize(draft.file);
    if (bytes === null || bytes === 0) return { target: null, problems: { file: words.target.problems.file } };
    return { target: { kind: 'file', bytes }, problems: null };
  }
  const bytes = parseCardMemory(draft.card);
  const reserveBytes = parseCardMemory(draft.reserve);
  const problems: DraftProblems = {};
  if (bytes === null || bytes === 0) problems.card = words.target.problems.card;
  if (reserveBytes === null) problems.reserve = words.target.problems.reserve;
  else if (bytes !== null && bytes > 0 && reserveBytes >= bytes)
    problems.reserve = words.target.problems.reserveTakesAll;
  if (bytes === null || reserveBytes === null || Object.keys(problems).length > 0) return { target: null, problems };
  return {
    target: { kind: 'memory', bytes, reserveBytes, context: draft.context, kvType: draft.kvType },
    problems: null,
  };
}

/** Context lengths that the slider offers: 512, 768, 1024, 1536 … up to the model's own limit. */
export function contextStops(limit: number | null): number[] {
  const last = limit ?? assumedContextLimit;
  const stops: number[] = [];
  for (let stop = smallestContext; stop < last; stop *= 2) stops.push(stop, ...(stop * 1.5 < last ? [stop * 1.5] : []));
  return [...stops, last];
}

/** A sensible first context for a model: the usual one, or all it has. */
export function firstContext(limit: number | null): number {
  return Math.min(usualContext, limit ?? usualContext);
}
