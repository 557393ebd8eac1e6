// The check that a rotation changes nothing, as rows of a report.
import type { Invariance } from '../../contract/results.ts';
import type { Field } from './table.ts';

/** Perplexities are shown so fine that a change would be seen. */
const perplexityDigits = 4;

export function invarianceFields(found: Invariance): Field[] {
  const { maxLogitDifference, tolerance, largestLogit, perplexityBefore, perplexityAfter, passed } = found;
  const [before, after] = [perplexityBefore, perplexityAfter].map((value) => value.toFixed(perplexityDigits));
  return [
    ['rotation alone', `${passed ? 'changes nothing' : 'changes the model'}: perplexity ${before} → ${after}`],
    [
      'logits',
      `at most ${maxLogitDifference.toExponential(1)} apart by rotation alone (limit ${tolerance.toExponential(1)}, largest logit ${largestLogit.toFixed(1)})`,
    ],
  ];
}
