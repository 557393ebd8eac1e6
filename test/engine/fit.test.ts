import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { madeIn, quick, resultOf, startEngine, temporaryFolder } from '../support/engine.ts';
import { sampleFolder, sampleModel } from '../support/paths.ts';

const GiB = 2 ** 30;

describe('plan', () => {
  it('has exact bytes, memory of llama.cpp, and says what fits', async () => {
    const engine = await startEngine();
    const target = { kind: 'memory', bytes: 24e6, context: 512, reserveBytes: 1e6 };
    const list = resultOf(await engine.run({ verb: 'plan', model: sampleModel, target }), 'plan');
    expect(list.best).toBe(list.plans[0]!.id);
    expect(list.verdict).toMatch(/^Fits with .* to spare\.$/);
    const ids = list.plans.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(['source', 'q4_k_m', 'all-q4_0', 'source+kv-q8_0']));
    expect(new Set(ids).size).toBe(ids.length);
    for (const plan of list.plans) {
      const { weightsBytes, kvBytes, buffersBytes, reserveBytes, totalBytes } = plan.memory;
      expect(weightsBytes + kvBytes + buffersBytes + reserveBytes).toBe(totalBytes);
      expect(plan.fits).toBe(totalBytes <= target.bytes);
    }
  });

  it('says what to change where nothing fits', async () => {
    const engine = await startEngine();
    const list = resultOf(
      await engine.run({ verb: 'plan', model: sampleModel, target: { kind: 'file', bytes: 1e6 } }),
      'plan',
    );
    expect(list.best).toBeNull();
    expect(list.plans.every(({ fits }) => !fits)).toBe(true);
    expect(list.verdict).toMatch(/^Does not fit 1.00 MB: the smallest plan of use \(.*\) is \d/);
  });
});

describe('fit', () => {
  it('makes, measures, proves and keeps the best of its candidates', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const output = path.join(folder, 'out.gguf');
    const fit = resultOf(
      await engine.run({
        verb: 'fit',
        model: sampleModel,
        output,
        target: { kind: 'file', bytes: 5e6 },
        candidates: 2,
        ...quick,
      }),
      'fit',
    );
    expect(madeIn(folder)).toEqual(['out.gguf']);
    expect(fit.output).toBe(output);
    expect(statSync(output).size).toBe(fit.fileBytes);
    expect(fit.fileBytes).toBe(fit.plan!.fileBytes);
    expect(fit.fileBytes).toBeLessThanOrEqual(5e6);
    expect(createHash('sha256').update(readFileSync(output)).digest('hex')).toBe(fit.sha256);
    expect(fit.measured).toHaveLength(2);
    const losses = fit.measured.map(({ quality }) => quality.kld!.mean);
    expect(losses).toEqual([...losses].sort((a, b) => a - b));
    expect(fit.best).toBe(fit.measured[0]!.id);
    expect(fit.plan!.predicted).toMatchObject({ basis: 'measured', kld: losses[0] });
    expect(fit.proof).toMatchObject({ loaded: true, passed: true, positions: 8, reason: null });
    expect(fit.proof!.memory.plannedBytes).toBe(fit.proof!.memory.reportedBytes);
    expect(fit.quality).toMatchObject({
      engine: 'onnx',
      kind: 'weights-only',
      text: 'evaluation',
      windows: 2,
      windowTokens: 256,
    });
    // One engine for all, or the numbers could not be compared.
    expect(new Set(fit.measured.map(({ quality }) => quality.engine))).toEqual(new Set(['onnx']));
    expect(fit.command).toContain(output);
    expect(Object.keys(fit.seconds)).toEqual(
      expect.arrayContaining(['open', 'plan', 'calibrate', 'quantize', 'measure', 'evaluate', 'prove', 'total']),
    );
  });

  it('says that a source fits as it is, and writes nothing', async () => {
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'out.gguf');
    const target = { kind: 'memory', bytes: 8 * GiB, context: 512 };
    const model = path.join(temporaryFolder(), 'model.gguf');
    copyFileSync(sampleModel, model);
    const fit = resultOf(await engine.run({ verb: 'fit', model, output, target, ...quick }), 'fit');
    expect(fit.best).toBe('source');
    expect(fit.verdict).toMatch(/^Fits as it is/);
    expect(fit.output).toBe(model);
    expect(fit.proof!.passed).toBe(true);
    expect(existsSync(output)).toBe(false);
    // It stays the user's: nothing is put beside it, and it is not deleted with what the run made.
    expect(existsSync(`${model}.recipe.json`)).toBe(false);
    const { deleted, kept } = await engine.call['history.deleteFiles']({ run: fit.run }, {} as never);
    expect([deleted, kept]).toEqual([
      [],
      [{ path: model, reason: expect.stringContaining('did not make it') as string }],
    ]);
    expect(existsSync(model)).toBe(true);
  });

  it('has a result without a file where nothing fits', async () => {
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'out.gguf');
    const fit = resultOf(
      await engine.run({ verb: 'fit', model: sampleModel, output, target: { kind: 'file', bytes: 1000 }, ...quick }),
      'fit',
    );
    expect(fit).toMatchObject({ best: null, output: null, plan: null });
    expect(existsSync(output)).toBe(false);
  });

  it('makes the plan that was named', async () => {
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'out.gguf');
    const recipe = {
      verb: 'fit',
      model: sampleModel,
      output,
      target: { kind: 'file', bytes: 9e6 },
      plan: 'all-q4_0',
      importance: 'off',
      ...quick,
      evaluation: { ...quick.evaluation, engine: 'llama.cpp' },
    };
    const fit = resultOf(await engine.run(recipe), 'fit');
    expect(fit.best).toBe('all-q4_0');
    expect(fit.quality).toMatchObject({ engine: 'llama.cpp', kind: 'as-run' });
    expect(fit.measured).toEqual([]);
    expect(fit.calibration).toBeNull();
  });
});

describe('a Hugging Face folder', () => {
  it('is converted, and ends as the GGUF that was asked for', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const output = path.join(folder, 'q8.gguf');
    const recipe = { verb: 'quantize', model: sampleFolder, output, type: 'Q8_0', importance: 'off', ...quick };
    const fromFolder = resultOf(await engine.run(recipe), 'quantize');
    const fromFile = resultOf(
      await engine.run({ ...recipe, model: sampleModel, output: path.join(folder, 'other.gguf') }),
      'quantize',
    );
    expect(fromFolder.proof!.passed).toBe(true);
    expect(fromFolder.quality!.compressed).toEqual(fromFile.quality!.compressed);
    expect(fromFolder.parametersAfter).toBe(fromFile.parametersAfter);
  });

  it('that fits as it is is written all the same: a folder is no file for llama.cpp', async () => {
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'out.gguf');
    const target = { kind: 'file', bytes: 20e6 };
    const fit = resultOf(await engine.run({ verb: 'fit', model: sampleFolder, output, target, ...quick }), 'fit');
    expect(fit).toMatchObject({ best: 'source', output });
    expect(statSync(output).size).toBe(fit.fileBytes);
    expect(fit.quality!.kld!.mean).toBe(0);
  });
});

describe('a plan that was named', () => {
  it.each(['source', 'q8_0'])('and does not fit is not made: %s', async (plan) => {
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'out.gguf');
    const target = { kind: 'file', bytes: 4.5e6 };
    const fit = resultOf(await engine.run({ verb: 'fit', model: sampleModel, output, target, plan, ...quick }), 'fit');
    expect(fit).toMatchObject({ best: null, output: null });
    expect(fit.verdict).toMatch(/does not fit: .* too much/);
    expect(existsSync(output)).toBe(false);
  });
});

describe('two runs of one recipe', () => {
  it('write the same bytes and measure the same numbers', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const run = async (name: string) => {
      const output = path.join(folder, name);
      return resultOf(
        await engine.run({ verb: 'quantize', model: sampleModel, output, type: 'Q4_K_M', ...quick }),
        'quantize',
      );
    };
    const [first, second] = [await run('a.gguf'), await run('b.gguf')];
    expect(second.sha256).toBe(first.sha256);
    expect(second.quality!.compressed.perplexity).toBeCloseTo(first.quality!.compressed.perplexity, 6);
    expect(second.quality!.kld!.mean).toBeCloseTo(first.quality!.kld!.mean, 6);
  });
});
