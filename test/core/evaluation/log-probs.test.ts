import { describe, expect, it } from 'vitest';
import { largestLogProbDifference, meanDivergence } from '../../../src-main/core/evaluation/log-probs.ts';

const logs = (...probabilities: number[]): Float32Array => Float32Array.from(probabilities, Math.log);

describe('largestLogProbDifference', () => {
  it('looks at tokens that either side gives one in a hundred', () => {
    expect(largestLogProbDifference(logs(0.9, 0.099, 0.001), logs(0.9, 0.099, 0.0001))).toBe(0);
    expect(largestLogProbDifference(logs(0.99, 0.005, 0.005), logs(0.9, 0.095, 0.005))).toBeCloseTo(Math.log(19), 5);
  });

  it('is NaN where a side is', () => {
    expect(largestLogProbDifference(logs(0.5, 0.5), Float32Array.of(Number.NaN, -1))).toBeNaN();
  });
});

describe('meanDivergence', () => {
  it('is the mean over rows of the KL divergence to the reference', () => {
    const found = meanDivergence(logs(0.75, 0.25, 0.5, 0.5), logs(0.5, 0.5, 0.5, 0.5), 2);
    expect(found).toBeCloseTo((0.75 * Math.log(1.5) + 0.25 * Math.log(0.5)) / 2, 6);
  });
});
