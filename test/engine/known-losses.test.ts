// Plans of a model that the history knows: what its runs measured, on the same bytes wherever they lie.
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Plan } from '../../src-main/contract/plan.ts';
import { quick, resultOf, startEngine, temporaryFolder, type TestEngine } from '../support/engine.ts';
import { sampleModel } from '../support/paths.ts';

async function plansOf(engine: TestEngine, model: string): Promise<Plan[]> {
  const recipe = { verb: 'plan', model, target: { kind: 'file', bytes: 9e6 } };
  return resultOf(await engine.run(recipe), 'plan').plans;
}

const isMeasured = ({ predicted }: Plan): boolean => predicted.basis === 'measured';

test('a plan tells what an earlier run measured of its file', async () => {
  const engine = await startEngine();
  const folder = temporaryFolder();
  const asked = { verb: 'quantize', model: sampleModel, prove: false, ...quick };
  const without = { ...asked, output: path.join(folder, 'off.gguf'), type: 'Q4_0', importance: 'off' };
  resultOf(await engine.run(without), 'quantize');
  const before = await plansOf(engine, sampleModel);
  expect(before.filter(isMeasured)).toEqual([]); // plans have importance

  const made = resultOf(await engine.run({ ...asked, output: path.join(folder, 'q8.gguf'), type: 'Q8_0' }), 'quantize');
  const moved = path.join(folder, 'moved.gguf');
  copyFileSync(sampleModel, moved);
  for (const model of [sampleModel, moved]) {
    const plans = await plansOf(engine, model);
    expect(plans.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    const measured = plans.filter(isMeasured);
    expect(measured.map(({ id }) => id)).toEqual(['q8_0']);
    expect(measured[0]!.predicted.kld).toBe(made.quality!.kld!.mean);
    expect(measured[0]!.notes.at(-1)).toContain(`by run ${made.run}`);
  }
});

test('what a fit made and measured is known to the next plan: as its result tells it', async () => {
  const engine = await startEngine();
  const output = path.join(temporaryFolder(), 'fit.gguf');
  const target = { kind: 'file', bytes: 9e6 };
  const recipe = { verb: 'fit', model: sampleModel, output, target, candidates: 2, prove: false, ...quick };
  const { measured, best, quality: made } = resultOf(await engine.run(recipe), 'fit');
  const plans = await plansOf(engine, sampleModel);
  for (const { id, quality } of measured) {
    const kld = (id === best ? made! : quality).kld!.mean;
    expect(plans.find((plan) => plan.id === id)?.predicted).toMatchObject({ basis: 'measured', kld });
  }
  expect(measured.map(({ id }) => id)).toContain(best);
});
