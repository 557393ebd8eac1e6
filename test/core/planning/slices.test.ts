// Slices as plans: widths, which types, what they are expected to lose against published figures, and the verdicts.
import { describe, expect, it } from 'vitest';
import type { SliceStep } from '../../../src-main/contract/plan.ts';
import { predictLoss } from '../../../src-main/core/planning/prior.ts';
import { fileKey } from '../../../src-main/core/planning/rank.ts';
import { predictSlice, withTypes } from '../../../src-main/core/planning/slice-prior.ts';
import type { MeasuredPlan, SliceOutcome } from '../../../src-main/core/planning/slice-outcome.ts';
import { compareSlices, isBetter } from '../../../src-main/core/planning/slice-verdict.ts';
import {
  bestPlan,
  bestSlices,
  slicedCandidate,
  sliceStep,
  sliceWidths,
  typesToSlice,
} from '../../../src-main/core/planning/slices.ts';
import { planFor } from '../../support/plans.ts';

const slice: SliceStep = sliceStep(512, 576, { isQuantized: true, wished: null });
const quantize = { method: 'quantize', type: 'Q8_0', pure: false, importance: true } as const;
const sliced = (part: Parameters<typeof planFor>[1] = {}) =>
  planFor('slice-512+q8_0', { steps: [slice, quantize], kld: 0.72, ...part });

describe('widths of a slice', () => {
  it.each([
    [4096, 'Q4_K', [3584, 3328, 3072, 2816]],
    [4096, 'Q8_0', [3680, 3488, 3264, 3072, 2880]],
    [576, 'IQ3_S', [512]],
    [576, 'IQ4_NL', [512, 480, 448, 416]],
    [576, 'F16', [512, 480, 448, 416]],
    [256, 'Q4_K', []],
    [128, 'Q6_K', []],
  ])('of %i columns in %s are whole blocks', (hiddenSize, type, widths) =>
    expect(sliceWidths(hiddenSize, type)).toEqual(widths),
  );
});

describe('types to slice', () => {
  const entry = (id: string, fileBytes: number, kld: number) => ({
    plan: planFor(id, { fileBytes, kld, fits: fileBytes <= 100 }),
  });

  it('are the nearest above the target that lose less than what is smaller', () => {
    const entries = [
      entry('source', 400, 0),
      entry('q8', 200, 0.001),
      entry('q6', 150, 0.005),
      entry('q5', 140, 0.02),
      entry('odd', 130, 0.9),
      entry('q4', 120, 0.07),
      entry('q3', 90, 0.4),
    ];
    expect(typesToSlice(entries, { by: 'file', onlySlices: false }).map(({ plan }) => plan.id)).toEqual([
      'q4',
      'q5',
      'q6',
      'q8',
      'source',
    ]);
  });

  it('are those that fit too where nothing but slices is wanted', () => {
    const entries = [entry('source', 90, 0), entry('q8', 60, 0.001), entry('odd', 50, 0.9), entry('q4', 40, 0.07)];
    const ids = (onlySlices: boolean) => typesToSlice(entries, { by: 'file', onlySlices }).map(({ plan }) => plan.id);
    expect(ids(false)).toEqual([]);
    expect(ids(true)).toEqual(['q4', 'q8', 'source']);
    const sizes = Array.from({ length: 40 }, (_, index) => 10 * (index + 1)); // up to 100 fits
    const many = typesToSlice(
      sizes.map((size) => entry(String(size), size, 1 / size)),
      { by: 'file', onlySlices: true },
    );
    expect(many.map(({ plan }) => plan.fileBytes)).toEqual([50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150, 160]);
    const small = typesToSlice(
      sizes.slice(0, 10).map((size) => entry(String(size), size, 1 / size)),
      { by: 'file', onlySlices: true },
    );
    expect(small).toHaveLength(10);
  });

  it('become plans by expected loss where they fit, then by size, four of them', () => {
    const entries = [entry('a', 90, 0.9), entry('b', 300, 0.1), entry('c', 120, 0.5), entry('d', 80, 0.7)];
    const best = bestSlices([...entries, entry('e', 110, 2)], 'file');
    expect(best.map(({ plan }) => plan.id)).toEqual(['d', 'a', 'e', 'c']);
  });
});

describe('a sliced plan', () => {
  it('is named for its width and types', () => {
    const candidate = { id: 'q4_k_m', summary: 'Q4_K_M mix', type: 'Q4_K_M', pure: false, fileType: 15, types: {} };
    expect(slicedCandidate(candidate, slice, { a: 'Q4_K' })).toEqual({
      ...candidate,
      id: 'slice-512+q4_k_m',
      summary: 'sliced to 512 of 576 columns, Q4_K_M mix',
      types: { a: 'Q4_K' },
    });
    expect(slicedCandidate({ ...candidate, id: 'source', type: null }, slice, {}).id).toBe('slice-512');
  });

  it('is turned as wished, else as suits its types', () => {
    const turned = (isQuantized: boolean, wished: 'random' | null) =>
      sliceStep(512, 576, { isQuantized, wished }).orientation;
    expect([turned(true, null), turned(false, null)]).toEqual(['hadamard', 'pca']);
    expect([turned(true, 'random'), turned(false, 'random')]).toEqual(['random', 'random']);
  });

  it('has a file of its own', () => {
    expect(fileKey(sliced())).not.toBe(fileKey(planFor('q8', { steps: [quantize] })));
    expect(fileKey(sliced())).not.toBe(
      fileKey(sliced({ steps: [sliceStep(448, 576, { isQuantized: true, wished: null }), quantize] })),
    );
  });

  it('is best only where nothing else fits', () => {
    const plans = [sliced({ kld: 0.01 }), planFor('q2', { kld: 1.3 })];
    expect(bestPlan(plans)!.id).toBe('q2');
    expect(bestPlan([plans[0]!, planFor('q2', { fits: false })])!.id).toBe('slice-512+q8_0');
    expect(bestPlan([planFor('a', { fits: false })])).toBeNull();
  });
});

describe('the prior of a slice', () => {
  // ln(perplexity / dense perplexity) or KL divergence, by parameters and sparsity; docs/planning.md names the sources.
  it.each([
    ['135M shared, 512 of 576, wiki', 134.5e6, 0.111, 0.702],
    ['135M shared, 512 of 576, code', 134.5e6, 0.111, 0.505],
    ['135M shared, 448 of 576, wiki', 134.5e6, 0.222, 1.497],
    ['Llama-2 7B, WikiText-2, 10%', 6.738e9, 0.1, Math.log(5.96 / 5.47)],
    ['Llama-2 7B, WikiText-2, 20%', 6.738e9, 0.2, Math.log(6.86 / 5.47)],
    ['Llama-2 7B, WikiText-2, 30%', 6.738e9, 0.3, Math.log(8.64 / 5.47)],
    ['Llama-2 13B, WikiText-2, 10%', 13.016e9, 0.1, Math.log(5.29 / 4.88)],
    ['Llama-2 13B, WikiText-2, 30%', 13.016e9, 0.3, Math.log(7.44 / 4.88)],
    ['Llama-2 70B, WikiText-2, 20%', 68.977e9, 0.2, Math.log(4.46 / 3.32)],
    ['Llama-2 70B, WikiText-2, 30%', 68.977e9, 0.3, Math.log(5.42 / 3.32)],
    ['Llama-2 7B, calibrated on FineWeb-Edu, 12.5%', 6.738e9, 0.125, Math.log(8.25 / 5.12)],
    ['Llama-2 7B, calibrated on FineWeb-Edu, 25%', 6.738e9, 0.25, Math.log(16.84 / 5.12)],
    ['Llama-3.1 8B, calibrated on FineWeb-Edu, 25%', 8.03e9, 0.25, Math.log(55.43 / 5.84)],
    ['sample, 224 of 256', 6.8e6, 0.125, 0.0119],
    ['sample, 192 of 256', 6.8e6, 0.25, 0.0506],
  ])('has the figure of %s in its interval', (_what, parameters, sparsity, figure) => {
    const { kldLow, kldHigh } = predictSlice(sparsity, parameters);
    expect(kldLow).toBeLessThan(figure);
    expect(kldHigh).toBeGreaterThan(figure);
  });

  it('is within 8% of the two shared rotations that were measured, and of the 7B model calibrated elsewhere', () => {
    expect(predictSlice(0.111, 134.5e6).kld / 0.702).toBeCloseTo(1, 0.8);
    expect(predictSlice(0.222, 134.5e6).kld / 1.497).toBeCloseTo(1, 0.8);
    expect(predictSlice(0.25, 6.738e9).kld / Math.log(16.84 / 5.12)).toBeCloseTo(1, 0.8);
  });

  it('adds to what the types lose, and so do the bounds', () => {
    const types = predictLoss([{ type: 'Q4_0', elements: 1 }], 134.5e6);
    const alone = predictSlice(0.1, 134.5e6);
    const both = withTypes(alone, types);
    expect(both.kld).toBeCloseTo(alone.kld + 0.25, 10);
    expect(both.kldLow).toBeCloseTo(alone.kldLow + 0.25 / 3, 10);
    expect(both.kldHigh).toBeCloseTo(alone.kldHigh + 0.75, 10);
  });
});

describe('the choice between a slice and the best without one', () => {
  const measured = (plan: MeasuredPlan['plan'], kld: number, standardError: number, settings = 0): MeasuredPlan => ({
    plan,
    loss: { kld, standardError },
    score: kld + settings,
  });
  const unsliced = planFor('q4_0', { summary: 'Q4_0 mix', kld: 0.16 });
  const plans = [unsliced, sliced()];
  const compared = (ours: MeasuredPlan, theirs: MeasuredPlan) =>
    compareSlices(plans, null, { kind: 'compared', slice: ours, unsliced: theirs });

  it('asks for more than the standard error of the difference', () => {
    const theirs = measured(unsliced, 0.5, 0.03);
    expect(isBetter(measured(sliced(), 0.44, 0.04), theirs)).toBe(true); // 0.06 > sqrt(0.03² + 0.04²) = 0.05
    expect(isBetter(measured(sliced(), 0.46, 0.04), theirs)).toBe(false);
  });

  it('says that slicing loses more', () => {
    const { verdict, ...rest } = compared(measured(sliced(), 0.702, 0.02), measured(unsliced, 0.16, 0.01));
    expect(verdict).toBe(
      'Slicing to 512 columns with Q8_0 was measured at a loss of 0.702 ± 0.02; Q4_0 mix without slicing fits and loses 0.16 ± 0.01: do not slice this.',
    );
    expect(rest).toEqual({
      considered: 1,
      best: 'slice-512+q8_0',
      predicted: { kld: 0.72, kldLow: 0.24, kldHigh: 2.16 },
      measured: { kld: 0.702, standardError: 0.02 },
      chosen: false,
      reason: {
        kind: 'compared',
        slice: { plan: 'slice-512+q8_0', kld: 0.702, standardError: 0.02, settings: 0 },
        unsliced: { plan: 'q4_0', kld: 0.16, standardError: 0.01, settings: 0 },
      },
      invariance: null,
    });
  });

  it('says that it is better, and that it is not clearly better', () => {
    expect(compared(measured(sliced(), 0.2, 0.01), measured(unsliced, 0.9, 0.01))).toMatchObject({
      chosen: true,
      verdict: expect.stringMatching(/fits and loses 0.9 ± 0.01: the slice is better and was chosen\.$/) as string,
    });
    expect(compared(measured(sliced(), 0.89, 0.1), measured(unsliced, 0.9, 0.1))).toMatchObject({
      chosen: false,
      verdict: expect.stringContaining('within the error of the measurement, so the slice was not chosen') as string,
    });
  });

  it('counts the settings of the other, and says so', () => {
    const halfContext = measured(unsliced, 0.05, 0.01, 0.3);
    expect(compared(measured(sliced(), 0.1, 0.01), halfContext)).toMatchObject({
      chosen: true,
      verdict: expect.stringContaining('loses 0.05 ± 0.01 (its settings count 0.3 more)') as string,
    });
  });

  it('tells a slice that was wished from one that won, and says where none was', () => {
    const wished = { kind: 'wished', plan: plans[1]!, measured: { kld: 0.3, standardError: 0.02 } } as const;
    expect(compareSlices(plans, null, wished)).toMatchObject({
      chosen: true,
      measured: wished.measured,
      verdict:
        'Slicing to 512 columns with Q8_0 was made because only slices were asked for, and was measured at a loss of 0.3 ± 0.02.',
    });
    expect(compareSlices([unsliced], null, { kind: 'unwished' })).toMatchObject({
      considered: 0,
      chosen: false,
      verdict: 'No slice was considered: only plans without one were asked for.',
    });
  });

  it('says why a slice was not made', () => {
    const expected = compareSlices(plans, null, { kind: 'not-expected', unsliced: measured(unsliced, 0.16, 0.01) });
    expect(expected.verdict).toBe(
      'Slicing to 512 columns with Q8_0 was not made: it is expected to lose at least 0.24, and Q4_0 mix without slicing was measured at 0.16 ± 0.01.',
    );
    expect(compareSlices(plans, null, { kind: 'not-measured' }).verdict).toBe(
      'No slice was compared; only a measurement chooses one, and this run does not evaluate.',
    );
    const none = compareSlices([unsliced], 'It is of the family "phi2", for which Snug has no graphs.', {
      kind: 'none-fits',
    });
    expect(none).toMatchObject({
      considered: 0,
      best: null,
      predicted: null,
      verdict: 'Slicing was not considered: It is of the family "phi2", for which Snug has no graphs.',
      reason: { kind: 'refused', message: 'It is of the family "phi2", for which Snug has no graphs.' },
    });
  });

  it('carries what the sentence says, for those who say it in words of their own', () => {
    const reasonOf = (outcome: SliceOutcome) => compareSlices(plans, null, outcome).reason;
    const because = { kind: 'too-much-memory', neededBytes: 2 ** 31, allowedBytes: 2 ** 30 } as const;
    const tooMuch = { kind: 'not-made', plan: sliced(), because } as const;
    expect(reasonOf(tooMuch)).toEqual({ ...because, plan: 'slice-512+q8_0' });
    expect(compareSlices(plans, null, tooMuch).verdict).toMatch(
      /was not made: it is expected to need 2.00 GiB of memory, and --max-memory allows 1.00 GiB\.$/,
    );
    expect(reasonOf({ kind: 'not-expected', unsliced: measured(unsliced, 0.16, 0.01, 0.3) })).toEqual({
      kind: 'not-expected',
      unsliced: { plan: 'q4_0', kld: 0.16, standardError: 0.01, settings: expect.closeTo(0.3) as number },
    });
    expect(reasonOf({ kind: 'named', plan: sliced(), measured: null, unsliced })).toEqual({
      kind: 'named',
      plan: 'slice-512+q8_0',
      unsliced: { plan: 'q4_0', predicted: { kld: 0.16, kldLow: 0.16 / 3, kldHigh: 0.48 } },
    });
    expect(reasonOf({ kind: 'alone', measured: null })).toEqual({ kind: 'alone' });
  });

  it('does not pass a named slice off as compared', () => {
    const named = { kind: 'named', plan: plans[1]!, measured: { kld: 0.7, standardError: 0.02 }, unsliced } as const;
    expect(compareSlices(plans, null, named)).toMatchObject({
      chosen: true,
      measured: { kld: 0.7 },
      verdict:
        'Slicing to 512 columns with Q8_0 was made because it was asked for, and was measured at a loss of 0.7 ± 0.02. It was not compared: Q4_0 mix fits without slicing and is expected, not measured, to lose 0.16 (0.0533 to 0.48).',
    });
    expect(compareSlices(plans, null, { ...named, plan: unsliced })).toMatchObject({
      chosen: false,
      measured: null,
      verdict: expect.stringMatching(/^No slice was compared: only Q4_0 mix was asked for\. Slicing to 512/) as string,
    });
  });

  it('says that only a slice fits, and when it is of no use', () => {
    const alone = (kld: number) =>
      compareSlices([sliced()], null, { kind: 'alone', measured: { kld, standardError: 0.1 } });
    expect(alone(0.7)).toMatchObject({
      chosen: true,
      verdict:
        'Nothing fits without slicing; slicing to 512 columns with Q8_0 does, and was measured at a loss of 0.7 ± 0.1.',
    });
    expect(alone(1.5).verdict).toContain('too much to be of use');
  });
});
