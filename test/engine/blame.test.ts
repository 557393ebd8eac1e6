// Weights that no sum survives, in folders as in GGUF files: evaluate and slice name the tensor and the element, or, where
// all weights are finite, the first layer that gives something else.
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { withFolderFloat } from '../support/broken-models.ts';
import { errorOf, slicedBy, startEngine, temporaryFolder, type TestEngine } from '../support/engine.ts';
import { goldenModels, tinyModel } from '../support/golden-models.ts';

const dense = tinyModel('opt');
const rows = path.join(dense, 'input.tokens.json');
const evaluation = { text: rows, allowSameText: true };

const slice = (model: string, output: string): object => ({
  ...{ verb: 'slice', method: 'per-block', model, output, sparsity: 0.25, type: 'F32' },
  ...{ calibration: { texts: [rows] }, evaluation },
});

const evaluated = async (engine: TestEngine, model: string) =>
  errorOf(await engine.run({ verb: 'evaluate', model, evaluation }));

describe.skipIf(goldenModels === null)('a folder', () => {
  const fc2 = 'model.decoder.layers.1.fc2.weight';

  test.each([NaN, Infinity])('with %d in a weight: evaluate and slice name it', async (value) => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const model = path.join(folder, 'broken');
    await withFolderFloat(dense, model, { tensor: fc2, element: 77, value });
    const named = { code: 'NON_FINITE', details: { tensor: fc2, element: 77, value: String(value) } };
    expect(await evaluated(engine, model)).toMatchObject(named);
    expect(errorOf(await engine.run(slice(model, path.join(folder, 'sliced'))))).toMatchObject(named);
  });

  test('with a weight that overflows: both name the layer', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const model = path.join(folder, 'broken');
    await withFolderFloat(dense, model, { tensor: fc2, element: 77, value: 3e38 });
    const named = { code: 'NON_FINITE', details: { file: model, layer: 1 } };
    expect(await evaluated(engine, model)).toMatchObject(named);
    const error = errorOf(await engine.run(slice(model, path.join(folder, 'sliced'))));
    expect(error).toMatchObject(named);
    expect(error.message).toContain(`${model}: layer 1`);
  });

  test('sliced block by block: evaluate names a shortcut with NaN, and the layer of one that overflows', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const output = path.join(folder, 'sliced');
    slicedBy(await engine.run(slice(dense, output)), 'per-block');
    const tensor = 'model.decoder.layers.2.mlp_shortcut_Q';
    const model = path.join(folder, 'broken');
    await withFolderFloat(output, model, { tensor, element: 5, value: NaN });
    expect(await evaluated(engine, model)).toMatchObject({ code: 'NON_FINITE', details: { tensor, element: 5 } });
    const overflowing = path.join(folder, 'overflowing');
    await withFolderFloat(output, overflowing, { tensor, element: 5, value: 3e38 });
    expect(await evaluated(engine, overflowing)).toMatchObject({
      code: 'NON_FINITE',
      details: { file: overflowing, layer: 2 },
    });
  });
});
