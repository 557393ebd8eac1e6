// The verdict on a finished run, in the fewest words.
import type { JobResult } from '../../../src-main/contract/job.ts';
import type { QuantizeResult, SliceResult } from '../../../src-main/contract/results.ts';
import type { Target } from '../../../src-main/contract/target.ts';
import { formatCount, formatFixed } from '../../words/numbers.ts';
import { useWords } from '../../words/words.ts';
import { resultHeadline } from '../plans/plan-view.ts';
import { changeInWords, measureOf } from './sizes.ts';

const words = useWords();

/** `named`: the plan that a fit was asked for, by its id. */
export function headlineOf(result: JobResult | null, target: Target | null, named: string | null): string {
  const { verdicts } = words.report;
  switch (result?.verb) {
    case undefined:
      return verdicts.unreadable;
    case 'fit':
      return target ? resultHeadline(result.value, target, named) : result.value.verdict;
    case 'quantize':
    case 'slice':
      return madeHeadline(result);
    case 'evaluate': {
      const { perplexity, standardError } = result.value.compressed;
      return verdicts.perplexity(formatFixed(perplexity, 2), formatFixed(standardError, 2));
    }
    case 'invariance':
      return result.value.passed ? verdicts.invariant : verdicts.notInvariant;
    case 'calibrate':
      return verdicts.calibrated(formatCount(result.value.tokens));
    case 'study':
      return verdicts.study(result.value.rows.length);
    case 'generate':
      return verdicts.generated(formatCount(result.value.tokens.generated));
    case 'download':
      return verdicts.downloaded;
    case 'plan':
      return verdicts.planned;
  }
}

function madeHeadline(
  result: { verb: 'quantize'; value: QuantizeResult } | { verb: 'slice'; value: SliceResult },
): string {
  const { verdicts } = words.report;
  const { proof, gate, type } = result.value;
  if (gate && !gate.passed) return verdicts.gateFailed;
  if (proof && !proof.passed) return verdicts.notProved;
  const { bytesBefore, bytesAfter } = measureOf(result)!;
  const change = bytesBefore === null ? type : changeInWords(bytesBefore, bytesAfter);
  return proof ? verdicts.runs(change) : verdicts.made(change);
}
