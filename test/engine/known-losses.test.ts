// Plans of a model that the history knows: what its runs measured, on the same bytes wherever they lie.
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
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

test('a broken row of the history costs what it measured, and nothing else', async () => {
  const engine = await startEngine();
  const folder = temporaryFolder();
  const made = async (type: string): Promise<string> => {
    const recipe = { verb: 'quantize', model: sampleModel, type, output: path.join(folder, `${type}.gguf`) };
    return resultOf(await engine.run({ ...recipe, prove: false, ...quick }), 'quantize').run;
  };
  const [recipeless, resultless] = [await made('Q8_0'), await made('Q4_0')];
  await made('Q5_0');
  await plansOf(engine, sampleModel); // by then all is written down
  const database = new Database(path.join(engine.home, 'catalog.sqlite'));
  database.prepare("UPDATE details SET recipe = '{' WHERE experiment = ?").run(recipeless);
  database.prepare("UPDATE details SET result = 'null' WHERE experiment = ?").run(resultless);
  database.close();
  const plans = await plansOf(engine, sampleModel);
  expect(plans.filter(isMeasured).map(({ id }) => id)).toEqual(['q5_0']);
});
