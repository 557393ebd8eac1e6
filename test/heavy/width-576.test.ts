// The trap of a width that is no multiple of 256: mixes of K and IQ types fall back to larger or coarser types there.
// The planner must see it and choose what measures best.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { denseModel } from '../support/dense-model.ts';
import { resultOf, startEngine, temporaryFolder } from '../support/engine.ts';

const model = denseModel();
const limit = 80e6;
/** Plans that a naive choice would take: the mix of the wanted bits, its neighbours, and other single types. */
const rivals = ['q2_k', 'iq3_xxs', 'all-q4_0', 'all-q4_k', 'all-iq4_nl', 'all-iq4_xs', 'all-q3_k'];
const evaluation = { windows: 2, window: 512 };
const calibration = { samples: 8, length: 512 };

describe.skipIf(model === null)('fit on a model 576 wide', () => {
  it('sees the fall-backs and picks what measures best of all that fits', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const importance = path.join(folder, 'importance.gguf');
    resultOf(await engine.run({ verb: 'calibrate', model, output: importance, calibration }), 'calibrate');
    const output = path.join(folder, 'fit.gguf');
    const fit = resultOf(
      await engine.run({
        verb: 'fit',
        model,
        output,
        target: { kind: 'file', bytes: limit },
        importance,
        evaluation,
        prove: false,
      }),
      'fit',
    );
    const fallen = fit.plans.find(({ id }) => id === 'q4_k_m')!;
    expect(fallen.notes.join()).toMatch(/no multiple of 256/);
    expect(fallen.fits).toBe(false); // 4.9 bits per weight on paper would be 82 MB; the fall-backs make it 105 MB
    const best = fit.measured[0]!;
    const tried = new Set(fit.measured.map(({ id }) => id));
    const others = fit.plans.filter(({ id, fits }) => fits && rivals.includes(id) && !tried.has(id));
    for (const plan of others) {
      const [step] = plan.steps;
      if (step?.method !== 'quantize') continue;
      const file = path.join(folder, `${plan.id}.gguf`);
      const made = resultOf(
        await engine.run({
          verb: 'quantize',
          model,
          output: file,
          type: step.type,
          pure: step.pure,
          importance,
          prove: false,
          evaluation: { ...evaluation, weightsOnly: true },
        }),
        'quantize',
      );
      expect(made.fileBytes).toBe(plan.fileBytes);
      expect(made.quality!.kld!.mean, plan.id).toBeGreaterThan(best.quality.kld!.mean);
      rmSync(file);
    }
  });
});
