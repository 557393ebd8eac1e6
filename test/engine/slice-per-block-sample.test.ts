// Per-block slicing of the bundled sample from end to end: cut again, repeated, damaged; what is refused before any work.
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../src-main/contract/errors.ts';
import type { SlicingConfig } from '../../src-main/contract/results.ts';
import {
  errorOf,
  perBlock,
  quick,
  resultOf,
  slicedBy,
  startEngine,
  temporaryFolder,
  type TestEngine,
} from '../support/engine.ts';
import { readJson } from '../support/golden-models.ts';
import { sampleFolder, sampleModel } from '../support/paths.ts';

/** A text that is not there. */
const nowhere = path.join(import.meta.dirname, 'nowhere.txt');

/** Of what is cut again, which takes no options of calibration. */
const bareCalibration = { calibration: {} };

const inspectionFailure = async (engine: TestEngine, model: string): Promise<AppError> => {
  try {
    await engine.call.inspect({ model }, {} as never);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error(`${model} was inspected`);
};

describe('the sample', () => {
  test('a GGUF becomes a folder with its tokenizer, which is cut again along its own directions', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const wide = path.join(folder, 'wide');
    // A tenth leaves 230 columns, which are rounded down to 224: what is told is the eighth that goes.
    const first = slicedBy(await engine.run(perBlock(sampleModel, wide, { sparsity: 0.1 })), 'per-block');
    expect(first).toMatchObject({ method: 'per-block', scheduler: 'constant', sparsity: 0.125, signals: 'raw' });
    const narrow = path.join(folder, 'narrow');
    const cut = (model: string, output: string, more: object): object =>
      perBlock(model, output, { ...bareCalibration, ...more });
    const again = slicedBy(await engine.run(cut(wide, narrow, { sparsity: 0.25 })), 'per-block');
    expect(again).toMatchObject({ sparsity: 0.25, calibration: null, sites: [], invariance: null });
    const how = { signals: 'raw', orientation: 'pca', precision: 'fp64', paperCompat: false };
    expect(again).toMatchObject(how);
    const provenance = { slicing: { version: 1, ...how, seed: 42 } };
    for (const at of [wide, narrow]) expect(readJson(path.join(at, 'config.json'))).toMatchObject({ snug: provenance });
    expect(again.parametersBefore).toBe(first.parametersAfter);
    expect(again.widths.embedding_dimensions).toEqual({ '0': 192 });

    // Text is tokenized by the folder alone.
    const evaluation = { ...quick.evaluation, text: 'evaluation' };
    const evaluated = resultOf(
      await engine.run({ verb: 'evaluate', model: narrow, against: wide, evaluation }),
      'evaluate',
    );
    expect(evaluated.kld!.mean).toBeCloseTo(again.quality!.kld!.mean, 6);

    const itself = perBlock(path.join(wide, 'model.safetensors'), wide, { force: true });
    expect(errorOf(await engine.run(itself)).message).toContain('itself');
    const failure = async (more: object) =>
      // A text that is not there: what cannot be had is refused before one is opened.
      errorOf(await engine.run(cut(narrow, path.join(folder, 'x'), { evaluation: { text: nowhere }, ...more })));
    const wider = await failure({ sparsity: 0.125 });
    expect(wider.message).toBe(
      `No site of ${narrow} but its head is wider than 224, the widest being 192: ask for a --width below 192, or a --sparsity above 0.25, or add --slice-head to cut the head too, which is 256 wide.`,
    );
    expect((await failure({ sparsity: null, width: 300 })).message).toContain("from 1 to the model's 256");
    expect((await failure({ sparsity: null, width: 100, round: 8 })).message).toContain('no multiple of 8');
    expect((await failure({ sparsity: 0.999 })).message).toContain('--sparsity of at most 0.9687');
    const scheduler = path.join(wide, 'slicing.json');
    const file = await failure({ sparsity: null, scheduler });
    expect(file).toMatchObject({ code: 'USAGE', details: { file: scheduler, site: 0 } });
    expect(file.message).toContain(`${scheduler}: Site 0 is 192 wide, less than the 224`);
    for (const [option, more] of Object.entries({
      '--signals': { signals: 'normed' },
      '--precision': { precision: 'fp32' },
      '--scheduler': { scheduler: 'variance' },
      '--calibration': { calibration: { texts: ['evaluation'] } },
      '--samples': { calibration: { samples: 64 } },
      '--length': { calibration: { length: 512 } },
      '--sampling': { calibration: { sampling: 'contiguous' } },
      '--seed': { calibration: { seed: 7 } },
    })) {
      const refused = await failure(more);
      expect(refused).toMatchObject({ code: 'USAGE', details: { option } });
      expect(refused.message).toMatch(new RegExp(`^${option}.* needs the dense model`));
    }
  });

  test.each(['random', 'hadamard'])(
    'with %s directions, which are not sorted, is not cut again',
    async (orientation) => {
      const engine = await startEngine();
      const folder = temporaryFolder();
      const model = path.join(folder, 'sliced');
      slicedBy(await engine.run(perBlock(sampleModel, model, { orientation, evaluate: false })), 'per-block');
      const again = perBlock(model, path.join(folder, 'x'), { ...bareCalibration, sparsity: 0.5 });
      const error = errorOf(await engine.run({ ...again, evaluation: { text: nowhere } }));
      expect(error).toMatchObject({ code: 'USAGE', details: { path: model, orientation } });
      expect(error.message).toBe(
        `${model} cannot be cut again: it was sliced with --orientation ${orientation}, which mixes the directions of every site, so that the last ones are not the least. Slice the dense model to the width that is wanted.`,
      );
    },
  );

  test('without a word of how it was sliced, is run and not cut again; a damaged word is named', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const model = path.join(folder, 'sliced');
    slicedBy(await engine.run(perBlock(sampleModel, model, { evaluate: false })), 'per-block');
    const file = path.join(model, 'config.json');
    const { snug, ...config } = readJson<{ snug: unknown }>(file);
    writeFileSync(file, JSON.stringify(config));
    expect(resultOf(await engine.run({ verb: 'evaluate', model, ...quick }), 'evaluate').engine).toBe('onnx');
    const again = perBlock(model, path.join(folder, 'x'), { ...bareCalibration, sparsity: 0.5 });
    const unknown = errorOf(await engine.run(again));
    expect(unknown).toMatchObject({ code: 'USAGE', details: { path: model, orientation: null } });
    expect(unknown.message).toContain('does not say that it was sliced with --orientation pca');
    writeFileSync(file, JSON.stringify({ ...config, snug: { slicing: { version: 1, orientation: 'sorted' } } }));
    const damaged = errorOf(await engine.run(again));
    expect(damaged).toMatchObject({ code: 'FILE_MALFORMED', details: { file, where: 'snug.slicing.orientation' } });
    writeFileSync(
      file,
      JSON.stringify({ ...config, snug: { slicing: { ...(snug as { slicing: object }).slicing, version: 99 } } }),
    );
    const later = errorOf(await engine.run(again));
    expect(later).toMatchObject({ code: 'UNSUPPORTED_ARCHITECTURE', details: { path: file, version: 99, known: 1 } });
    for (const error of [later, errorOf(await engine.run({ verb: 'evaluate', model, ...quick }))])
      expect(error.message).toMatch(/version 99 of the method.* open it with a newer Snug/);
  });

  test('without its widths, or with damaged ones, it is damaged for everyone', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const model = path.join(folder, 'sliced');
    slicedBy(await engine.run(perBlock(sampleModel, model, { evaluate: false })), 'per-block');
    const file = path.join(model, 'slicing.json');
    const failures = async () => [
      errorOf(await engine.run({ verb: 'evaluate', model, ...quick })),
      errorOf(await engine.run({ verb: 'evaluate', model: sampleModel, against: model, ...quick })),
      errorOf(await engine.run(perBlock(model, path.join(folder, 'again'), bareCalibration))),
      await inspectionFailure(engine, model),
    ];
    const widths = readFileSync(file, 'utf8');
    const parsed = JSON.parse(widths) as SlicingConfig;
    const damaged = [widths.slice(0, 100), '{"hidden_size": 256}', JSON.stringify({ ...parsed, head_dimension: 8 })];
    for (const content of damaged) {
      writeFileSync(file, content);
      for (const error of await failures()) {
        expect(error).toMatchObject({ code: 'FILE_MALFORMED', details: { file } });
        expect(error.message).toContain(file);
      }
    }
    rmSync(file);
    for (const error of await failures()) {
      expect(error).toMatchObject({ code: 'FILE_NOT_FOUND', details: { path: file } });
      expect(error.message).toContain('slice the dense model again');
    }
  });

  test('widths of one slice are those of another by its file', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const variance = path.join(folder, 'variance');
    const first = slicedBy(
      await engine.run(perBlock(sampleFolder, variance, { scheduler: 'variance', sliceHead: true, evaluate: false })),
      'per-block',
    );
    expect(first.retained).toBeGreaterThan(0.5);
    expect(new Set(Object.values(first.widths.mlp_output_dimensions)).size).toBeGreaterThan(1);
    const scheduler = path.join(variance, 'slicing.json');
    expect(JSON.parse(readFileSync(scheduler, 'utf8')) as SlicingConfig).toEqual(first.widths);
    const bare = { scheduler, sparsity: null, evaluate: false };
    const second = slicedBy(await engine.run(perBlock(sampleFolder, path.join(folder, 'file'), bare)), 'per-block');
    expect(second).toMatchObject({ scheduler: 'file', widths: first.widths, sha256: first.sha256 });
  });

  test('a width is taken as it is, and what names no scheduler is told so before what stands beside it', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const narrow = perBlock(sampleModel, path.join(folder, 'x'), { sparsity: null, width: 50, evaluate: false });
    expect(slicedBy(await engine.run(narrow), 'per-block').widths.embedding_dimensions).toEqual({ '0': 50 });
    const scheduler = path.join(folder, 'vari');
    const error = errorOf(await engine.run(perBlock(sampleModel, path.join(folder, 'y'), { scheduler })));
    expect(error).toMatchObject({ code: 'FILE_NOT_FOUND', details: { path: scheduler } });
    expect(error.message).toContain(`${scheduler} is neither a scheduler nor a file: --scheduler takes constant`);
  });

  test('two runs of one recipe give the same bytes, a broken width file is named', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const recipe = (name: string): object =>
      perBlock(sampleModel, path.join(folder, name), { evaluate: false, orientation: 'random' });
    const [one, two] = [await engine.run(recipe('one')), await engine.run(recipe('two'))];
    // The check of the rotation is of the model, and done once.
    const [first, second] = [one, two].map((job) => slicedBy(job, 'per-block'));
    expect(first!.stages['invariance']).toBeGreaterThan(0);
    expect(second!.stages['invariance']).toBeUndefined();
    expect(second!.invariance).toEqual(first!.invariance);
    expect(slicedBy(one, 'per-block').sha256).toBe(slicedBy(two, 'per-block').sha256);
    const scheduler = path.join(folder, 'widths.json');
    writeFileSync(scheduler, '{"hidden_size": 256}');
    const broken = perBlock(sampleModel, path.join(folder, 'x'), { scheduler, sparsity: null });
    expect(errorOf(await engine.run(broken))).toMatchObject({ code: 'FILE_MALFORMED' });
    // Of another model, which is told before a text is opened.
    writeFileSync(scheduler, JSON.stringify({ ...first!.widths, hidden_size: 64 }));
    const foreign = errorOf(await engine.run({ ...broken, evaluation: { text: nowhere } }));
    expect(foreign).toMatchObject({ code: 'USAGE', details: { file: scheduler, key: 'hidden_size' } });
    expect(foreign.message).toContain(
      `${scheduler}: The slicing's widths are not the model's, or do not meet: hidden_size is 64, expected 256`,
    );
    for (const width of [0, 264]) {
      const mlp_output_dimensions = { ...first!.widths.mlp_output_dimensions, '0': width };
      writeFileSync(scheduler, JSON.stringify({ ...first!.widths, mlp_output_dimensions }));
      const impossible = errorOf(await engine.run({ ...broken, evaluation: { text: nowhere } }));
      expect(impossible.message).toContain(`mlp_output_dimensions.0 (site layer0.mlp_out) is ${width}, expected`);
    }
  });

  test.each([
    ['a GGUF output', { output: 'out.gguf' }, 'no place'],
    ['a quantised type', { type: 'Q4_K_M' }, '--method shared and a .gguf file'],
    ['llama.cpp as engine', { evaluation: { engine: 'llama.cpp' } }, 'cannot run a per-block slice'],
    ['no measure', { sparsity: null }, 'How much to cut'],
    ['a width that --round does not have', { sparsity: null, width: 190, round: 8 }, 'no multiple of 8'],
    ['a share that leaves no width', { sparsity: 0.999 }, '--sparsity of at most 0.9687'],
    ['a step wider than what is left', { round: 1000 }, '--round of at most 192'],
    ['a width above the model', { sparsity: null, width: 300 }, "from 1 to the model's 256"],
    ['a width beside variance', { sparsity: null, width: 192, scheduler: 'variance' }, 'mean --sparsity'],
    ['per-block options of a shared slice', { method: 'shared', scheduler: 'variance' }, 'for --method per-block'],
    ['a cut head of a shared slice', { method: 'shared', sliceHead: true }, '--slice-head is for --method per-block'],
  ])('%s is refused', async (_, more, words) => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const output = path.join(folder, (more as { output?: string }).output ?? 'out');
    // All of it before a text is opened.
    const recipe = perBlock(sampleModel, output, { evaluation: { text: nowhere }, ...more, output });
    const error = errorOf(await engine.run(recipe));
    expect(error).toMatchObject({ code: 'USAGE' });
    expect(error.message).toContain(words);
    expect(readdirSync(folder)).toEqual([]);
  });
});
