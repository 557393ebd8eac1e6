// Figures of studies: as many decimals as their error leaves a meaning to.
import { decimalsOf, formatFixed, formatTick } from '../../words/numbers.ts';
import { useWords } from '../../words/words.ts';

const words = useWords();

/** A figure as exact as its error lets it be, without it: for a sentence. */
export function roughly(value: number, error: number): string {
  return value === 0 ? '0' : formatFixed(value, decimalsOf(Math.max(error, Math.abs(value) / 100)));
}

/** Whether two figures of the same text are as good as one: not further apart than twice both errors. */
export function isSame(a: { value: number; error: number }, b: { value: number; error: number }): boolean {
  return Math.abs(a.value - b.value) <= 2 * Math.hypot(a.error, b.error);
}

/** What was cut away: `12.5%`, `25%`. */
export const cutShare = (share: number): string => words.numbers.percent(formatTick(Number((share * 100).toFixed(1))));
