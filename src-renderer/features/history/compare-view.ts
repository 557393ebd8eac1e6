// A comparison as the tables show it: lines of text, one value a run.
import type { Comparison } from '../../../src-main/contract/history.ts';
import { isHubAddress } from '../../../src-main/contract/hub-address.ts';
import { useWords } from '../../words/words.ts';
import type { CompareLine } from './compare-line.ts';
import { figureInWords, figureName } from './run-text.ts';
import { nameInWords, valueInWords } from './setting-words.ts';
import { settingsOf } from './settings-fields.ts';

const words = useWords();

/** Measures of which less is better. */
const lessIsBetter = new Set(['kld', 'kldP99', 'perplexity', 'perplexityRatio', 'peakMemoryBytes']);
const moreIsBetter = new Set(['topOneAgreement', 'accuracy', 'prefillTokensPerSecond', 'decodeTokensPerSecond']);

export function differenceLines({ runs, differences }: Comparison): CompareLine[] {
  const has = runs.map(({ recipe }) => new Set(settingsOf(recipe).map(({ name }) => name)));
  return differences.map(({ setting, values }) => ({
    name: nameInWords(setting),
    values: values.map((value, place) =>
      value === null && !has[place]!.has(setting) ? null : valueInWords(runs[place]!.recipe, setting, value),
    ),
  }));
}

/** Measures that say how far a run is from its own original, or that its vocabulary decides: they rank no other model's runs. */
const ofOneOriginal = new Set(['kld', 'kldP99', 'perplexity', 'perplexityRatio', 'topOneAgreement']);

type Metric = Comparison['metrics'][number];

/** Losses first: that is what one looks for. */
export function metricLines(comparison: Comparison): CompareLine[] {
  const rank = ({ name }: Metric): number =>
    name === 'kld' ? 0 : lessIsBetter.has(name) || moreIsBetter.has(name) ? 1 : 2;
  return comparison.metrics
    .toSorted((a, b) => rank(a) - rank(b))
    .map((metric) => {
      const { name, context, values } = metric;
      const leaders = leadersOf(metric, comparison);
      return {
        name: figureName(name),
        context,
        values: values.map((one) => one && figureInWords(name, one.value, one.standardError)),
        best: leaders.length === 1 ? leaders[0] : undefined,
      };
    });
}

/**
 * Places of the best value and of those that are within the combined standard error of it; empty where there is nothing
 * to choose from, or the runs' models do not compare.
 */
function leadersOf({ name, values }: Metric, comparison: Comparison): number[] {
  const sign = lessIsBetter.has(name) ? 1 : moreIsBetter.has(name) ? -1 : 0;
  const known = values.flatMap((one, place) =>
    one === null ? [] : [{ place, value: one.value * sign, error: one.standardError ?? 0 }],
  );
  const places = known.map(({ place }) => place);
  if (sign === 0 || known.length < 2) return [];
  if (ofOneOriginal.has(name) && hasOtherOriginals(comparison, places)) return [];
  const best = known.reduce((a, b) => (b.value < a.value ? b : a));
  return known
    .filter(({ value, error }) => value - best.value <= Math.hypot(error, best.error))
    .map(({ place }) => place);
}

/** Runs of different models, or held against different ones: of those at `places`, else of those with a loss. */
export function hasOtherOriginals(comparison: Comparison, places = placesWithLoss(comparison)): boolean {
  const { runs, differences } = comparison;
  const hashes = differences.find(({ setting }) => setting === 'modelHash')?.values;
  const originals = places.map((place) => {
    const { recipe, model } = runs[place]!;
    if (typeof recipe.against === 'string') return recipe.against;
    // Files that do not differ in their hash are one model, wherever they lie; one on a hub has no hash.
    return hashes?.[place] ?? (isHubAddress(model) ? model : '');
  });
  return new Set(originals).size > 1;
}

function placesWithLoss({ runs, metrics }: Comparison): number[] {
  const losses = metrics.filter(({ name }) => name === 'kld');
  return [...runs.keys()].filter((place) => losses.some(({ values }) => values[place] !== null));
}

/** Losses that were measured on different texts, windows or engines do not compare exactly. */
export function hasOtherTexts({ metrics }: Comparison): boolean {
  return metrics.filter(({ name }) => name === 'kld').length > 1;
}

/** `C loses least`, `A and C cannot be told apart`, or how many there are where the losses do not say. */
export function comparisonTitle(comparison: Comparison, letters: readonly string[]): string {
  const { title, best, alike } = words.history.comparing;
  const losses = comparison.metrics.filter(({ name }) => name === 'kld');
  const leaders = losses.length === 1 ? leadersOf(losses[0]!, comparison).map((place) => letters[place]!) : [];
  if (leaders.length === 0) return title(comparison.runs.length);
  return leaders.length === 1 ? best(leaders[0]!) : alike(leaders.slice(0, -1).join(', '), leaders.at(-1)!);
}
