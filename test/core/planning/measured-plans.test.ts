// What is known of a file takes the place of what is expected of it; everything else of a list stays.
import { describe, expect, it } from 'vitest';
import type { PlanList, PlanStep } from '../../../src-main/contract/plan.ts';
import type { Quality } from '../../../src-main/contract/results.ts';
import { measuredPrediction, withKnownLosses } from '../../../src-main/core/planning/measured-plans.ts';
import { planFor } from '../../support/plans.ts';

const quality = (mean: number, standardError = 0.002): Quality => ({
  ...{ engine: 'onnx', kind: 'as-run', text: 'evaluation', textSha256: '0', windows: 8, windowTokens: 512 },
  compressed: { perplexity: 5, standardError: 1 },
  ...{ perplexityRatio: 1.02, kld: { mean, standardError, p99: 1 } },
});
const quantize = (type: string, importance = true): PlanStep => ({ method: 'quantize', type, pure: false, importance });
const slice = (width: number): PlanStep => ({
  ...{ method: 'slice', kind: 'shared', width, hiddenSize: 256, sparsity: 1 - width / 256, orientation: 'hadamard' },
});
const cache: PlanStep = { method: 'kv-cache', type: 'q8_0' };

const list: PlanList = {
  ...{ target: { kind: 'file', bytes: 1e9 }, verdict: 'Fits.', best: 'Q5_K_M', sliceRefusal: null, warnings: [] },
  plans: [
    planFor('Q5_K_M', { kld: 0.02 }),
    planFor('Q4_K_M', { kld: 0.07 }),
    planFor('Q4_K_M+kv', { kld: 0.07, steps: [quantize('Q4_K_M'), cache] }),
    planFor('slice', { kld: 0.3, steps: [slice(192), quantize('Q5_K_M')] }),
  ],
};

describe('what earlier runs measured', () => {
  it('is told of every plan with the same file, with the run; order and best stay', () => {
    const known = [{ run: 'abc', steps: [quantize('Q4_K_M')], quality: quality(0.01) }];
    const { plans, best } = withKnownLosses(list, known);
    expect(best).toBe('Q5_K_M');
    expect(plans.map(({ id, predicted }) => [id, predicted.basis, predicted.kld])).toEqual([
      ['Q5_K_M', 'prior', 0.02],
      ['Q4_K_M', 'measured', 0.01],
      ['Q4_K_M+kv', 'measured', 0.01],
      ['slice', 'prior', 0.3],
    ]);
    expect(plans[1]!.notes.at(-1)).toBe('The loss was measured by run abc, on 8 windows of 512 tokens of evaluation.');
    expect(plans[0]).toBe(list.plans[0]);
  });

  it('is of another file where importance, type or slice differ', () => {
    const others = [[quantize('Q5_K_M', false)], [quantize('Q5_K_S')], [slice(224), quantize('Q5_K_M')], []];
    const known = others.map((steps) => ({ run: 'x', steps, quality: quality(9) }));
    expect(withKnownLosses(list, known).plans).toEqual(list.plans);
    const own = [{ run: 'x', steps: [slice(192), quantize('Q5_K_M')], quality: quality(0.2) }];
    expect(withKnownLosses(list, own).plans[3]!.predicted).toMatchObject({ basis: 'measured', kld: 0.2 });
  });

  it('is the first of several, which is the newest', () => {
    const known = [0.5, 0.6].map((kld) => ({ run: String(kld), steps: [quantize('Q5_K_M')], quality: quality(kld) }));
    expect(withKnownLosses(list, known).plans[0]!.predicted.kld).toBe(0.5);
  });

  it('has two standard errors to either side, and never gains', () => {
    expect(measuredPrediction(quality(0.01))).toMatchObject({ kldLow: 0.006, kldHigh: 0.014, basis: 'measured' });
    expect(measuredPrediction(quality(0.001))!.kldLow).toBe(0);
    const { kld: _, ...without } = quality(1);
    expect(measuredPrediction(without)).toBeNull();
  });
});
