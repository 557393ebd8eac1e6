// Runs side by side: what of their recipes is told as a difference.
import { expect, it } from 'vitest';
import { fitRecipe, recipe } from '../../src-main/contract/recipe.ts';
import { thisProcess } from '../../src-main/core/process-identity.ts';
import { Catalog } from '../../src-main/engine/catalog/catalog.ts';
import { compareRuns } from '../../src-main/engine/library/compare-runs.ts';
import { temporaryFolder } from '../support/engine.ts';

it('tells every setting that differs, and no consent to replace a file', async () => {
  const catalog = await Catalog.open(temporaryFolder());
  const keep = (id: string, part: object): void => {
    const asked = recipe.parse({ verb: 'quantize', model: '/m.gguf', output: '/o.gguf', type: 'Q8_0', ...part });
    catalog.experiments.add({ id, recipe: asked, created: '2026-01-01', versions: {}, clonedFrom: null }, thisProcess);
  };
  keep('a', { force: true });
  keep('b', { force: false, calibration: { samples: 64 } });
  const { differences } = compareRuns(['a', 'b'].map((run) => catalog.history.detail(run)));
  catalog.close();
  expect(differences).toEqual([{ setting: 'calibration.samples', values: [128, 64] }]);
});

it('tells no setting as a difference that an older Snug did not have yet', async () => {
  const catalog = await Catalog.open(temporaryFolder());
  const target = { kind: 'file', bytes: 1e9 };
  const { methods, orientation, precision, ...older } = fitRecipe.parse({
    verb: 'fit',
    model: '/m',
    output: '/o',
    target,
  });
  const common = { created: '2026-01-01', finished: '2026-01-01', versions: {}, result: {} };
  const runs = { newer: { ...older, methods, orientation, precision }, older, unknown: { ...older, target: 'a card' } };
  for (const [run, asked] of Object.entries(runs)) catalog.experiments.restore({ ...common, run, recipe: asked });
  const differences = (...names: string[]): string[] =>
    compareRuns(names.map((run) => catalog.history.detail(run))).differences.map(({ setting }) => setting);
  expect(catalog.history.detail('older').recipe).not.toHaveProperty('methods');
  expect(differences('newer', 'older')).toEqual([]);
  expect(differences('older', 'unknown')).toContain('target');
  catalog.close();
});
