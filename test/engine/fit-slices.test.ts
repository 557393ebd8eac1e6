// Slices among the plans of a real engine, on the sample cut to a width of 160: there the types with blocks of 256 fall
// back to larger ones, so that slices of others are among the smallest files.
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { remarkInWords } from '../../src-main/core/planning/plan-remarks.ts';
import { resultOf, startEngine } from '../support/engine.ts';
import { fileOf, narrowFits } from '../support/narrow-sample.ts';
import { goldenModels } from '../support/golden-models.ts';
import { sampleModel } from '../support/paths.ts';

const { fit } = narrowFits();

describe('plan', () => {
  it('offers slices of types that are just too large, at the widest width that fits, behind the best without a slice', async () => {
    const engine = await startEngine();
    const list = resultOf(await engine.run({ verb: 'plan', model: sampleModel, ...fileOf(5e6) }), 'plan');
    expect(list.sliceRefusal).toBeNull();
    expect(list.best).toBe('q5_k_s');
    const slices = list.plans.filter(({ steps }) => steps[0]?.method === 'slice');
    expect(slices.map(({ id }) => id)).toEqual(['slice-224+q5_1', 'slice-224+all-q5_1', 'slice-192+q8_0', 'slice-192']);
    expect(slices[0]).toMatchObject({
      summary: 'sliced to 224 of 256 columns, Q5_1 mix',
      steps: [
        { kind: 'shared', width: 224, hiddenSize: 256, sparsity: 0.125, orientation: 'hadamard' },
        { method: 'quantize', type: 'Q5_1', pure: false },
      ],
      fits: true,
      remarks: expect.arrayContaining([{ kind: 'narrower' }]) as unknown[],
    });
    for (const { notes, remarks } of list.plans) expect(notes).toEqual(remarks!.map(remarkInWords));
    for (const { cost, memory } of slices) {
      expect(cost.seconds).toBeGreaterThan(0);
      expect(memory.basis).toBe('llama.cpp');
    }
  });

  it('lists what is wished: none that slice, or nothing else, turned as wished and though the model fits', async () => {
    const engine = await startEngine();
    const plan = async (wishes: object) =>
      resultOf(await engine.run({ verb: 'plan', model: sampleModel, ...fileOf(50e6), ...wishes }), 'plan');
    const isSlice = ({ steps }: { steps: readonly { method: string }[] }): boolean => steps[0]?.method === 'slice';
    const unsliced = await plan({ methods: 'quantize' });
    expect(unsliced.best).toBe('source');
    expect(unsliced.plans.filter(isSlice)).toEqual([]);
    const sliced = await plan({ methods: 'slice', orientation: 'random' });
    expect(sliced.plans.every(isSlice)).toBe(true);
    expect(sliced).toMatchObject({
      best: 'slice-224',
      plans: [{ steps: [{ orientation: 'random', width: 224 }] }, {}, {}, {}],
    });
  });

  it.skipIf(goldenModels === null)(
    'refuses a model that no rotation can slice where nothing but slices is wished',
    async () => {
      const engine = await startEngine();
      const model = path.join(goldenModels!, 'phi');
      const plan = { verb: 'plan', model, ...fileOf(50e6), methods: 'slice' };
      const { job } = await engine.run(plan);
      expect(job).toMatchObject({ state: 'failed', error: { code: 'UNSUPPORTED_ARCHITECTURE' } });
      expect(job.state === 'failed' && job.error.message).toMatch(/cannot be sliced by one shared rotation/);
    },
  );
});

describe('fit', () => {
  it('chooses the slice where it measures clearly better than the best without one', async () => {
    // Without importance nothing below 2.2 MB but ternary weights is left.
    const result = await fit({ ...fileOf(2.2e6), importance: 'off' });
    expect(result.slices).toMatchObject({ best: 'slice-128+all-iq4_nl', chosen: true });
    expect(result.best).toBe('slice-128+all-iq4_nl');
    const [slice, unsliced] = result.measured;
    expect([slice!.id, unsliced!.id]).toEqual(['slice-128+all-iq4_nl', 'all-tq1_0']);
    const { kld, standardError } = result.slices.measured!;
    expect(kld).toBe(slice!.quality.kld!.mean);
    const error = Math.hypot(standardError, unsliced!.quality.kld!.standardError);
    expect(kld + error).toBeLessThan(unsliced!.quality.kld!.mean);
    expect(result.slices.verdict).toMatch(/TQ1_0 on all tensors without slicing fits .* was chosen\.$/);
    // The file is the plan's to the byte, and what llama.cpp says of its memory is what was planned.
    expect(statSync(result.output!).size).toBe(result.plan!.fileBytes);
    expect(createHash('sha256').update(readFileSync(result.output!)).digest('hex')).toBe(result.sha256);
    expect(result.proof).toMatchObject({ passed: true, reason: null });
    expect(result.proof!.memory.plannedBytes).toBe(result.proof!.memory.reportedBytes);
    expect(result.calibration!.tokens).toBe(512);
  });

  it('makes nothing but slices where they are wished, in the precision and turn that are, and says why', async () => {
    const wishes = { ...fileOf(4e6), methods: 'slice', orientation: 'random' };
    const result = await fit({ ...wishes, candidates: 2 });
    expect(result.measured).toHaveLength(2);
    expect(result.measured.every(({ id }) => id.startsWith('slice-'))).toBe(true);
    const { mean } = result.quality!.kld!;
    expect(result.slices).toMatchObject({ chosen: true, best: result.best, measured: { kld: mean } });
    expect(result.slices.verdict).toMatch(
      / was made because only slices were asked for, and was measured at a loss of /,
    );
    expect(result.plan!.steps[0]).toMatchObject({ method: 'slice', orientation: 'random' });
    expect(statSync(result.output!).size).toBe(result.plan!.fileBytes);
    const single = { plan: result.best, evaluate: false, prove: false, precision: 'fp32' };
    const other = await fit({ ...wishes, ...single });
    expect([other.best, other.fileBytes]).toEqual([result.best, result.fileBytes]);
    expect(other.sha256).not.toBe(result.sha256);
    expect(other.slices.reason).toEqual({ kind: 'wished', plan: result.best });
  }, 240_000);

  it('looks at no slice where none is wished', async () => {
    const result = await fit({ ...fileOf(2.2e6), importance: 'off', methods: 'quantize' });
    expect(result).toMatchObject({ best: 'all-tq1_0', slices: { considered: 0, best: null, chosen: false } });
    expect(result.slices.verdict).toMatch(/^No slice was considered/);
  });

  it('says that nothing fits where no slice does, and nothing of slices that were not planned', async () => {
    const none = await fit({ ...fileOf(1e5), methods: 'slice' });
    expect(none).toMatchObject({ best: null, output: null, slices: { reason: { kind: 'nothing-fits' } } });
    expect(none.verdict).toMatch(/^Does not fit .* the smallest slice .*--methods any/);
    const unplanned = await fit({ ...fileOf(1e5), methods: 'quantize' });
    expect(unplanned).toMatchObject({ best: null, slices: { considered: 0, reason: { kind: 'unwished' } } });
  });

  it('takes no importance from elsewhere for a slice, which measures its own', async () => {
    const file = { ...fileOf(2e6), importance: '/elsewhere.gguf' };
    await expect(fit({ ...file, methods: 'slice' })).rejects.toThrow(/takes on or off here, not .*elsewhere/);
    await expect(fit({ ...file, plan: 'slice-128+all-mxfp4' })).rejects.toThrow(/takes on or off here/);
  });

  it('makes none where nothing is measured', async () => {
    const result = await fit({ ...fileOf(2e6), evaluate: false });
    expect(result).toMatchObject({ best: null, output: null, slices: { best: 'slice-128+all-mxfp4', chosen: false } });
    expect(result.slices.verdict).toMatch(/^Only slices fit; only a measurement chooses one/);
    expect(result.verdict).toMatch(/^Does not fit/);
  });
});
