// What a run is called and when it was, in words.
import {
  decimalsOf,
  formatCount,
  formatFixed,
  formatLoss,
  formatMemory,
  sizeFormat,
  withError,
} from '../../words/numbers.ts';
import { planIdInWords } from '../../words/plan-words.ts';
import { useWords } from '../../words/words.ts';
import type { BarSegment } from '../../ui/bar-layout.ts';
import type { PlanMemory } from '../../../src-main/contract/plan.ts';
import type { MemoryTarget } from '../../../src-main/contract/target.ts';
import type { RunRow } from './run-row.ts';

const words = useWords();

export function verbInWords(verb: string): string {
  return (words.history.verbs as Record<string, string>)[verb] ?? verb;
}

/** `Quantise`, `Slice, block by block`, `Study, sparsity`: what was done; its type stands beside it. */
export function methodInWords({ verb, method }: Pick<RunRow, 'verb' | 'method'>): string {
  if (method === null || method === verb) return verbInWords(verb);
  return `${verbInWords(verb)}, ${(words.history.methods as Record<string, string>)[method] ?? method}`;
}

/** Its type or plan as llama.cpp names types; empty where the recipe names none. */
export const typeInWords = ({ type }: Pick<RunRow, 'type'>): string => (type === null ? '' : planIdInWords(type));

/** `Fit Q6_K`. */
export const runName = (row: Pick<RunRow, 'verb' | 'method' | 'type'>): string =>
  `${methodInWords(row)} ${typeInWords(row)}`.trim();

/** `28 Nov 16:04`; with the year where it is not this one. */
export function momentInWords(moment: string, now = new Date()): string {
  const date = new Date(moment);
  const year = date.getFullYear() === now.getFullYear() ? undefined : ('numeric' as const);
  const parts = { year, month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  return date.toLocaleString(words.numbers.locale, parts);
}

/** `0.0213 ± 0.0024`; of a loss that is nothing, just that. */
export function lossWithError(loss: number, error: number | null): string {
  return error === null || error === 0 || loss === 0 ? formatLoss(loss) : withError(loss, error);
}

/** What a cell of the table has room for. */
const mostDecimalsOfCell = 5;

/** The same in a cell of the table: an error with more decimals says there only that the loss is known well. */
export const lossInCell = (loss: number, error: number | null): string =>
  lossWithError(loss, error !== null && decimalsOf(error) > mostDecimalsOfCell ? null : error);

export function figureName(name: string): string {
  return (words.history.figures as Record<string, string>)[name] ?? name;
}

/** A measured figure in its own unit. */
export function figureInWords(name: string, value: number, error: number | null): string {
  if (name.endsWith('Bytes')) return formatMemory(value);
  if (/kld/i.test(name)) return lossWithError(value, error);
  if (['topOneAgreement', 'accuracy', 'sparsity'].includes(name)) {
    const percent = words.numbers.percent(formatFixed(value * 100, 1));
    return error === null ? percent : `${percent} ± ${formatFixed(error * 100, 1)}`;
  }
  const decimals = Number.isInteger(value)
    ? 0
    : Math.max(0, Math.min(6, 4 - Math.ceil(Math.log10(Math.abs(value) || 1))));
  if (decimals === 0) return formatCount(Math.round(value));
  return error === null
    ? formatFixed(value, decimals)
    : `${formatFixed(value, decimals)} ± ${formatFixed(error, decimals)}`;
}

export interface RunBar {
  segments: BarSegment[];
  limitBytes: number;
  format: (bytes: number) => string;
}

/** The memory bar of a fit on its card. */
export function runBar(memory: PlanMemory, card: MemoryTarget): RunBar {
  const { parts } = words.plans;
  return {
    segments: [
      { part: 'weights', label: parts.weights, bytes: memory.weightsBytes },
      { part: 'kv', label: parts.kv, bytes: memory.kvBytes },
      { part: 'buffers', label: parts.buffers, bytes: memory.buffersBytes },
      { part: 'reserve', label: parts.reserve, bytes: memory.reserveBytes },
    ],
    limitBytes: card.bytes,
    format: sizeFormat('memory', card.bytes),
  };
}
