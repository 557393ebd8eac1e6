// The quality gate: a limit that the user set, held against what was measured.
import { AppError } from '../../contract/errors.ts';
import type { EvaluationOptions } from '../../contract/recipe.ts';
import type { Quality } from '../../contract/results.ts';

export interface Gate {
  measure: 'kld' | 'ratio';
  limit: number;
  value: number;
  passed: boolean;
}

/** The first limit that was missed, else the last one that was set; undefined where none was. @throws USAGE without a reference */
export function gateOf(options: EvaluationOptions, quality: Quality | undefined): Gate | undefined {
  const limits = [
    { measure: 'kld' as const, limit: options.gateKld, value: quality?.kld?.mean },
    { measure: 'ratio' as const, limit: options.gateRatio, value: quality?.perplexityRatio },
  ];
  const gates = limits.flatMap(({ measure, limit, value }) => {
    if (limit === null) return [];
    if (value === undefined)
      throw new AppError(
        'USAGE',
        'A quality gate needs a comparison: evaluate with --against, and without --no-evaluate.',
      );
    return [{ measure, limit, value, passed: value <= limit }];
  });
  return gates.find(({ passed }) => !passed) ?? gates.at(-1);
}

/** Refuses a gate that cannot be measured, before any work. @throws USAGE */
export function checkGate(options: EvaluationOptions, compares: boolean): void {
  if (!compares) gateOf(options, undefined);
}
