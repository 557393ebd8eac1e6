// A comparison as the tables show it: lines of text, one value a run.
import type { Comparison } from '../../../src-main/contract/history.ts';
import { useWords } from '../../words/words.ts';
import type { CompareLine } from './compare-line.ts';
import { figureInWords, figureName } from './run-text.ts';
import { settingText } from './settings-fields.ts';

const words = useWords();

/** Measures of which less is better. */
const lessIsBetter = new Set(['kld', 'kldP99', 'perplexity', 'perplexityRatio', 'peakMemoryBytes']);
const moreIsBetter = new Set(['topOneAgreement', 'accuracy', 'prefillTokensPerSecond', 'decodeTokensPerSecond']);

export function differenceLines({ differences }: Comparison): CompareLine[] {
  return differences.map(({ setting, values }) => ({
    name: setting,
    values: values.map((value) => (value === null ? null : settingText(value))),
  }));
}

/** Losses first: that is what one looks for. */
export function metricLines({ metrics }: Comparison): CompareLine[] {
  const rank = ({ name }: Comparison['metrics'][number]): number =>
    name === 'kld' ? 0 : lessIsBetter.has(name) || moreIsBetter.has(name) ? 1 : 2;
  return metrics
    .toSorted((a, b) => rank(a) - rank(b))
    .map(({ name, context, values }) => ({
      name: figureName(name),
      note: context,
      values: values.map((one) => one && figureInWords(name, one.value, one.standardError)),
      best: bestOf(name, values),
    }));
}

/** Place of the one best value; undefined where there is nothing to choose from, or two are equally good. */
function bestOf(name: string, values: Comparison['metrics'][number]['values']): number | undefined {
  const sign = lessIsBetter.has(name) ? 1 : moreIsBetter.has(name) ? -1 : 0;
  const known = values.filter((one) => one !== null).map(({ value }) => value * sign);
  if (sign === 0 || known.length < 2) return undefined;
  const best = Math.min(...known);
  const places = values.flatMap((one, index) => (one !== null && one.value * sign === best ? [index] : []));
  return places.length === 1 ? places[0] : undefined;
}

/** Losses that were measured on different texts, windows or engines do not compare exactly. */
export function hasOtherTexts({ metrics }: Comparison): boolean {
  return metrics.filter(({ name }) => name === 'kld').length > 1;
}

/** `C loses least`, or how many there are where the losses do not say. */
export function comparisonTitle(comparison: Comparison, letters: readonly string[]): string {
  const { title, best } = words.history.comparing;
  const losses = comparison.metrics.filter(({ name }) => name === 'kld');
  const place = losses.length === 1 ? bestOf('kld', losses[0]!.values) : undefined;
  return place === undefined ? title(comparison.runs.length) : best(letters[place]!);
}
