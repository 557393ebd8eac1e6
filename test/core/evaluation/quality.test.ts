import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WindowComparison } from '../../../src-main/contract/llama-host-api.ts';
import { AppError } from '../../../src-main/contract/errors.ts';
import { summarise } from '../../../src-main/core/evaluation/quality.ts';

interface Values {
  candidate: number[];
  reference?: number[];
  kld?: number[];
  same?: number[];
}

function comparison({ candidate, reference, kld, same }: Values): WindowComparison {
  return {
    candidateNll: Float32Array.from(candidate),
    referenceNll: reference ? Float32Array.from(reference) : null,
    kld: kld ? Float32Array.from(kld) : null,
    sameTop: same ? Uint8Array.from(same) : null,
  };
}

/** The definitions, written as plainly as they can be. */
const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const deviation = (values: number[]): number =>
  Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1));
const naivePerplexity = (windows: number[][]): number => Math.exp(mean(windows.flat()));
function naivePercentile(values: number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = fraction * (sorted.length - 1);
  const low = Math.floor(place);
  return sorted[low]! * (1 - (place - low)) + (sorted[low + 1] ?? sorted[low]!) * (place - low);
}

const float = (min: number, max: number) => fc.float({ min: Math.fround(min), max: Math.fround(max), noNaN: true });
const token = fc.record({
  candidate: float(0, 12),
  reference: float(0, 12),
  kld: float(-9e-5, 3),
  same: fc.integer({ min: 0, max: 1 }),
});
const columns = (tokens: { candidate: number; reference: number; kld: number; same: number }[]): Required<Values> => ({
  candidate: tokens.map((each) => each.candidate),
  reference: tokens.map((each) => each.reference),
  kld: tokens.map((each) => each.kld),
  same: tokens.map((each) => each.same),
});
const closeTo = (expected: number): unknown => expect.closeTo(expected, 10) as unknown;

describe('summarise', () => {
  it('equals the definitions on windows of any lengths', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(token, { minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 6 }),
        (windows) => {
          const values = windows.map(columns);
          const figures = summarise(values.map(comparison));
          const [compressed, dense] = [
            naivePerplexity(values.map((each) => each.candidate)),
            naivePerplexity(values.map((each) => each.reference)),
          ];
          const relative = (actual: number, expected: number): void =>
            expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-10 * Math.max(1, Math.abs(expected)));
          relative(figures.compressed.perplexity, compressed);
          relative(figures.dense!.perplexity, dense);
          relative(figures.perplexityRatio!, compressed / dense);
          const kld = values.flatMap((each) => each.kld).map((value) => Math.max(0, value));
          relative(figures.kld!.mean, mean(kld));
          relative(figures.kld!.p99, naivePercentile(kld, 0.99));
          relative(figures.topOneAgreement!, mean(values.flatMap((each) => each.same)));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('has the standard error of window means where windows are equal', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(token, { minLength: 8, maxLength: 8 }), { minLength: 2, maxLength: 8 }),
        (windows) => {
          const values = windows.map(columns);
          const error = (means: number[]): number => deviation(means) / Math.sqrt(means.length);
          const figures = summarise(values.map(comparison));
          const losses = values.map((each) => mean(each.kld.map((value) => Math.max(0, value))));
          expect(figures.kld!.standardError).toBeCloseTo(error(losses), 10);
          const agreements = values.map((each) => mean(each.same));
          expect(figures.topOneStandardError).toBeCloseTo(error(agreements), 10);
          const { perplexity, standardError } = figures.compressed;
          expect(standardError / perplexity).toBeCloseTo(error(values.map((each) => mean(each.candidate))), 10);
          const growth = values.map((each) => mean(each.candidate) - mean(each.reference));
          expect(figures.perplexityRatioStandardError! / figures.perplexityRatio!).toBeCloseTo(error(growth), 10);
        },
      ),
    );
  });

  it('takes standard errors over tokens where there is one window', () => {
    const { compressed, kld } = summarise([
      comparison({ candidate: [1, 2, 3, 6], reference: [1, 1, 1, 1], kld: [0.5, 0.25, 0, 0.25] }),
    ]);
    expect(compressed).toEqual({
      perplexity: closeTo(Math.exp(3)),
      standardError: closeTo((Math.exp(3) * deviation([1, 2, 3, 6])) / 2),
    });
    expect(kld).toMatchObject({ mean: 0.25, standardError: closeTo(deviation([0.5, 0.25, 0, 0.25]) / 2) });
  });

  it('averages tokens, so that rows of unequal length weigh what they are long', () => {
    const { compressed } = summarise([comparison({ candidate: [1] }), comparison({ candidate: [3, 3, 3, 3] })]);
    expect(compressed.perplexity).toBeCloseTo(Math.exp(13 / 5), 12);
  });

  it('leaves out what has no reference', () => {
    expect(Object.keys(summarise([comparison({ candidate: [1, 2] })]))).toEqual(['compressed']);
  });

  it('is 1 and 0 for a model against itself', () => {
    const nll = [0.5, 2, 3.25];
    const same = summarise([comparison({ candidate: nll, reference: nll, kld: [0, -1e-7, 1e-7], same: [1, 1, 1] })]);
    expect(same).toMatchObject({ perplexityRatio: 1, topOneAgreement: 1 });
    expect(same.kld!.mean).toBeCloseTo(0, 6);
    expect(same.kld!.mean).toBeGreaterThanOrEqual(0);
  });

  it('gives one token no error rather than NaN', () => {
    expect(summarise([comparison({ candidate: [2], kld: [0.1] })])).toMatchObject({
      compressed: { standardError: 0 },
      kld: { standardError: 0 },
    });
  });
});

describe('refusals', () => {
  const good = { candidate: [1, 2], reference: [1, 2], kld: [0, 0] };
  const failure = (windows: WindowComparison[]): AppError => {
    try {
      summarise(windows);
    } catch (error) {
      if (error instanceof AppError) return error;
    }
    throw new Error('expected an AppError');
  };

  it.each([
    ['candidateNll', { ...good, candidate: [1, Number.NaN] }],
    ['referenceNll', { ...good, reference: [1, Number.POSITIVE_INFINITY] }],
    ['kld', { ...good, kld: [0, Number.NaN] }],
  ])('a %s that is not finite is named with its place', (measure, bad) => {
    const error = failure([comparison(good), comparison(bad)]);
    expect(error).toMatchObject({ code: 'NON_FINITE', details: { measure, window: 1, index: 1 } });
  });

  it('a mean that has no finite perplexity', () => {
    expect(failure([comparison({ candidate: [800, 800] })])).toMatchObject({ code: 'NON_FINITE' });
  });

  it.each<[string, WindowComparison[]]>([
    ['no window', []],
    ['an empty window', [comparison({ candidate: [] })]],
    ['unequal lengths', [comparison({ candidate: [1, 2], kld: [0] })]],
    ['a reference in some windows only', [comparison(good), comparison({ candidate: [1, 2] })]],
    ['a KLD well below zero', [comparison({ ...good, kld: [0, -2e-4] })]],
  ])('%s is a fault', (_, windows) => {
    expect(failure(windows)).toMatchObject({ code: 'INTERNAL' });
  });
});
