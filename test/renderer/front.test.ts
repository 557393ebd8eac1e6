// @vitest-environment node
// The chart's plans: which are on the front, where they stand, what a measurement changes, and why one would take them.
import { describe, expect, it } from 'vitest';
import type { JobSnapshot } from '../../src-main/contract/job.ts';
import { scalesOf } from '../../src-renderer/features/front/front-scales.ts';
import { lossKey, measuredLosses, pointsOf, whyOf } from '../../src-renderer/features/front/front-view.ts';
import { panelVerdict } from '../../src-renderer/features/plans/panel-verdict.ts';
import { headlineOf, onCpuInWords, systemBarOf } from '../../src-renderer/features/plans/plan-view.ts';
import { previewOf } from '../../src-renderer/features/plans/preview.ts';
import { planFor } from '../support/plans.ts';
import { planList } from './fake-engine.ts';

const GiB = 2 ** 30;
const list = {
  ...planList,
  best: 'q5',
  plans: [
    planFor('q5', { totalBytes: 20 * GiB, kld: 0.01 }),
    planFor('q4', { totalBytes: 16 * GiB, kld: 0.04 }),
    planFor('bad', { totalBytes: 18 * GiB, kld: 0.5 }),
    planFor('q5b', { totalBytes: 21 * GiB, kld: 0.011 }),
    planFor('source', { totalBytes: 60 * GiB, kld: 0, fits: false }),
  ],
};

describe('the front', () => {
  it('goes from small to large through what nothing smaller beats', () => {
    const points = pointsOf(list);
    expect(points.map(({ plan }) => plan.id)).toEqual(['q4', 'bad', 'q5', 'q5b', 'source']);
    expect(points.filter(({ isOnFront }) => isOnFront).map(({ plan }) => plan.id)).toEqual(['q4', 'q5', 'source']);
  });

  it('leaves out what runs otherwise than it was asked for', () => {
    const split = planFor('split', {
      totalBytes: 10 * GiB,
      kld: 0,
      steps: [{ method: 'cpu-layers', layers: 9, gpuLayers: 3, flag: '' }],
    });
    const [first, second] = pointsOf({ ...list, plans: [...list.plans, split] });
    expect([first, second]).toMatchObject([
      { isOnFront: false, isPartlyOnCpu: true },
      { plan: { id: 'q4' }, isOnFront: true, isPartlyOnCpu: false },
    ]);
    expect(onCpuInWords(split)).toMatch(/^9 of 11 layers run on the CPU/);
    const experts = planFor('e', { steps: [{ method: 'cpu-experts', layers: 1, flag: '' }] });
    expect(onCpuInWords(experts)).toMatch(/^The experts of 1 layer run on the CPU/);
  });

  it('takes what was measured instead of what was predicted', () => {
    const measured = { id: 'q4', quality: { kld: { mean: 0.005, standardError: 0.001, p99: 1 } } };
    const job = { state: 'done', result: { verb: 'fit', value: { measured: [measured], plans: list.plans } } };
    const jobs = [{ recipe: { verb: 'fit', model: 'm' }, job }] as unknown as JobSnapshot[];
    const [point] = pointsOf(list, measuredLosses('m', 'fp64', jobs));
    expect(point).toMatchObject({ kld: 0.005, low: 0.003, high: 0.007, isMeasured: true });
    expect(measuredLosses('other', 'fp64', jobs).size).toBe(0);
  });

  it('takes what was measured of a slice for the same file only', () => {
    const turned = (orientation: 'pca' | 'hadamard') => {
      const step = { method: 'slice', kind: 'shared', width: 192, hiddenSize: 256, sparsity: 0.25 } as const;
      return planFor('slice-192', { steps: [{ ...step, orientation }] });
    };
    const measured = { id: 'slice-192', quality: { kld: { mean: 0.005, standardError: 0.001, p99: 1 } } };
    const job = { state: 'done', result: { verb: 'fit', value: { measured: [measured], plans: [turned('pca')] } } };
    const jobs = [{ recipe: { verb: 'fit', model: 'm', precision: 'fp32' }, job }] as unknown as JobSnapshot[];
    const isMeasured = (orientation: 'pca' | 'hadamard', precision: 'fp32' | 'fp64'): boolean =>
      pointsOf({ ...list, plans: [turned(orientation)] }, measuredLosses('m', precision, jobs))[0]!.isMeasured;
    expect(isMeasured('pca', 'fp32')).toBe(true);
    expect(isMeasured('hadamard', 'fp32')).toBe(false);
    expect(isMeasured('pca', 'fp64')).toBe(false);
  });

  it('takes what the engine knows from earlier runs before anything else', () => {
    const predicted = { kld: 0.03, kldLow: 0.028, kldHigh: 0.032, perplexityRatio: 1, basis: 'measured' as const };
    const session = new Map([[lossKey(planFor('q4')), { kld: 9, low: 9, high: 9, isMeasured: true }]]);
    const [point] = pointsOf({ ...list, plans: [planFor('q4', { predicted })] }, session);
    expect(point).toMatchObject({ kld: 0.03, low: 0.028, high: 0.032, isMeasured: true });
  });

  it('stands in its field: small left, little loss low, nothing lost lowest, too large at the edge', () => {
    const points = pointsOf(list);
    const limit = { bytes: 24 * GiB, unit: GiB };
    const { x, y, field, sizeTicks, lossTicks, front } = scalesOf(points, limit, { width: 500, height: 300 });
    expect(x(16 * GiB)).toBeLessThan(x(20 * GiB));
    expect(x(60 * GiB)).toBe(field.right);
    expect(y(0.01)).toBeGreaterThan(y(0.5));
    expect(y(0)).toBeGreaterThan(y(1e-9));
    expect(sizeTicks.every((tick) => Number.isInteger(tick / GiB))).toBe(true);
    expect(lossTicks).toEqual([0.01, 0.1]);
    expect(front).toMatch(/^M/);
  });

  it('says why of each plan', () => {
    const whys = list.plans.map((plan) => whyOf(plan, list));
    expect(whys).toEqual([
      'The best that fits.',
      '4.00 GiB smaller, and loses 4.0× as much.',
      '2.00 GiB smaller, and loses 50× as much.',
      'As good as the best, within what a prediction can tell.',
      'Too big by 36.0 GiB.',
    ]);
  });

  it('says of a plan that measured better than the best why it is not the best', () => {
    const measured = planFor('q4', { totalBytes: 16 * GiB, kld: 0.004 });
    const offloaded = { ...measured, steps: [...measured.steps, { method: 'context', tokens: 2048 } as const] };
    expect(whyOf(measured, list)).toBe(
      'Loses 2.5× less than is expected of the best that fits. What was measured does not change the order.',
    );
    expect(whyOf(offloaded, list)).toBe(
      'Loses 2.5× less than the best that fits, and was not chosen for how it has to be run.',
    );
  });
});

describe('a preview', () => {
  const target = { kind: 'memory', bytes: 24 * GiB, context: 4096, kvType: 'f16', reserveBytes: GiB } as const;
  const plan = planFor('q5');
  const sized = { ...plan, memory: { ...plan.memory, weightsBytes: 20 * GiB, kvBytes: GiB, reserveBytes: GiB } };

  it('grows the cache with the context and shrinks it with the type', () => {
    const long = previewOf(sized, target, { ...target, context: 16_384 });
    expect(long).toMatchObject({ fits: false, memory: { kvBytes: 4 * GiB, totalBytes: 25 * GiB } });
    const small = previewOf(sized, target, { ...target, context: 16_384, kvType: 'q4_0' });
    expect(small).toMatchObject({ fits: true, memory: { kvBytes: 1.125 * GiB } });
    const split = { ...sized, steps: [{ method: 'context', tokens: 2048 } as const] };
    expect(previewOf(split, target, { ...target, context: 16_384 })?.memory.kvBytes).toBe(GiB);
  });

  it('leaves to the planner what only it can tell', () => {
    expect(previewOf(sized, target, { kind: 'file', bytes: 8e9 })).toBeNull();
    expect(previewOf(sized, target, { ...target, kvType: 'q5_0' })).toBeNull();
  });

  it('is marked as a guess in the verdict', () => {
    const guess = previewOf({ ...sized, id: 'q5_k_m' }, target, { ...target, reserveBytes: 2 * GiB })!;
    expect(headlineOf({ ...planList, target }, guess, true)).toEqual(['Fits, with ≈ 1.00 GiB to spare', '']);
  });
});

describe('the verdict of the page', () => {
  const [chosen] = planList.plans as [(typeof planList.plans)[0]];
  const { target } = planList;

  it('is on what the form says, and none where that is no size', () => {
    const answered = panelVerdict({ list: planList, chosen, asked: target, isStale: false });
    expect(answered).toMatchObject({ headline: 'Fits, with 1.20 GiB to spare', why: 'The best that fits.' });
    const invalid = panelVerdict({ list: planList, chosen, asked: null, isStale: true });
    expect(invalid).toMatchObject({
      headline: 'Write a size, and Snug works out what fits',
      isVerdict: false,
      why: '',
    });
  });

  it('calls nothing the best while plans are worked out', () => {
    const asked = { ...target, bytes: GiB * 4 };
    const stale = panelVerdict({ list: planList, chosen, asked, isStale: true });
    expect(stale.headline).toMatch(/^Does not fit: over by ≈/);
    expect(stale.why).toBe('');
    expect(stale.target).toBe(asked);
  });

  it('says that the processor computes most of it, or a part', () => {
    const onCpu = (layers: number) => ({
      ...chosen,
      steps: [{ method: 'cpu-layers' as const, layers, gpuLayers: 65 - layers, flag: '' }],
    });
    expect(headlineOf(planList, onCpu(56))).toEqual([
      'Fits, but runs mostly on the CPU (slow), with 1.20 GiB to spare',
      '56 of 64 layers run on the CPU, where every word takes much longer than on the card.',
    ]);
    expect(headlineOf(planList, onCpu(8))[0]).toBe('Fits, but runs partly on the CPU (slower), with 1.20 GiB to spare');
  });
});

describe('system memory', () => {
  const devices = {
    devices: [{ name: 'CPU', description: '', kind: 'cpu', totalBytes: 32 * GiB, freeBytes: 1 }],
  } as unknown as Parameters<typeof systemBarOf>[1];

  it('gets a bar where a plan keeps something there', () => {
    const plan = planFor('split');
    expect(systemBarOf(plan, devices)).toBeNull();
    const split = { ...plan, memory: { ...plan.memory, systemBytes: 5 * GiB } };
    expect(systemBarOf(split, devices)).toMatchObject({ limitBytes: 32 * GiB, segments: [{ bytes: 5 * GiB }] });
    expect(systemBarOf(split, null)).toBeNull();
  });
});
