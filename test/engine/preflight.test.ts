// Jobs before they start: what they are expected to take, what refuses them, what is learned of them.
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { recipe as recipeSchema } from '../../src-main/contract/recipe.ts';
import { estimate } from '../../src-main/core/planning/estimate.ts';
import { Catalog } from '../../src-main/engine/catalog/catalog.ts';
import { settingsInMemory } from '../../src-main/engine/catalog/settings.ts';
import { MachineService, type MachineIdentity } from '../../src-main/engine/machine.ts';
import {
  errorOf,
  quick,
  resultOf,
  slicedBy,
  startEngine,
  temporaryFolder,
  type TestEngine,
} from '../support/engine.ts';
import { goldenModels, goldenTokens, tinyModel } from '../support/golden-models.ts';
import { decoderOf } from '../support/graph-runs.ts';
import { sampleFolder, sampleModel } from '../support/paths.ts';
import { constantConfig, slicedInto } from '../support/per-block.ts';

const GiB = 2 ** 30;
const context = { signal: new AbortController().signal, progress: () => {} } as never;
const quantize = (output: string, more: object = {}): object => ({
  ...{ verb: 'quantize', model: sampleModel, type: 'Q8_0', output, ...quick, importance: 'off', ...more },
});
const expected = async (engine: TestEngine, recipe: object) =>
  engine.call['jobs.preflight']({ recipe: recipeSchema.parse(recipe) }, context);
const disk = (freeBytes: number) => async () => ({ device: 1, freeBytes });

describe('a job', () => {
  it('is told with seconds by stage, memory and the bytes of its disks', async () => {
    const engine = await startEngine({ system: { diskOf: disk(1e12) } });
    const output = path.join(temporaryFolder(), 'out.gguf');
    const told = await expected(engine, quantize(output));
    // Q8_0: 8.5 bits for each of 6,819,072 weights, and the vocabulary.
    expect(told.disks).toEqual([{ place: path.dirname(output), neededBytes: expect.any(Number), freeBytes: 1e12 }]);
    expect(told.disks[0]!.neededBytes).toBeGreaterThan((6_819_072 * 8.5) / 8);
    expect(told.disks[0]!.neededBytes).toBeLessThan(9e6);
    expect(Object.keys(told.stages)).toEqual(['open', 'tokenize', 'quantize', 'evaluate', 'prove']);
    expect(told.seconds!.low).toBeLessThan(told.seconds!.likely);
    expect(told.seconds!.likely).toBeLessThan(told.seconds!.high);
    expect(told.problems).toEqual([]);
  });

  it('that writes text has its model as ONNX on the disk of the user data; a plan needs none', async () => {
    const engine = await startEngine({ system: { diskOf: disk(1e12) } });
    const told = await expected(engine, { verb: 'generate', model: sampleModel, prompt: 'The', tokens: 100 });
    expect(Object.keys(told.stages)).toEqual(['open', 'tokenize', 'generate']);
    expect(told.disks.map(({ neededBytes }) => neededBytes)).toEqual([2 * 6_819_072]);
    const longer = await expected(engine, { verb: 'generate', model: sampleModel, prompt: 'The', tokens: 10_000 });
    expect(longer.seconds!.likely).toBeGreaterThan(told.seconds!.likely);
    const plan = await expected(engine, { verb: 'plan', model: sampleModel, target: { kind: 'file', bytes: 5e6 } });
    expect(Object.keys(plan.stages)).toEqual(['open', 'plan']);
    expect(plan.disks.map(({ neededBytes }) => neededBytes)).toEqual([0]);
  });

  it.skipIf(!goldenModels)('that cuts a slice again needs no pass through it', async () => {
    const engine = await startEngine({ system: { diskOf: disk(1e12) } });
    const decoder = await decoderOf(tinyModel('llama-gqa'));
    const folder = path.join(temporaryFolder(), 'sliced');
    await slicedInto(folder, { decoder, windows: goldenTokens('llama-gqa'), widths: constantConfig(decoder, 56) });
    const recipe = { verb: 'slice', method: 'per-block', model: folder, sparsity: 0.25, output: `${folder}-again` };
    const told = await expected(engine, { ...recipe, evaluate: false });
    expect(Object.keys(told.stages)).toEqual(['open', 'tokenize', 'slice']);
    const dense = await expected(engine, { ...recipe, evaluate: false, model: tinyModel('llama-gqa') });
    expect(Object.keys(dense.stages)).toEqual(['open', 'tokenize', 'invariance', 'slice']);
    expect(told.seconds!.likely).toBeLessThan(dense.seconds!.likely);
  });

  it('that cannot be foreseen is said nothing of, and fails by itself', async () => {
    const engine = await startEngine();
    const recipe = quantize(path.join(temporaryFolder(), 'out.gguf'), { model: '/nowhere.gguf' });
    expect(await expected(engine, recipe)).toEqual({
      ...{ seconds: null, stages: {}, peakMemoryBytes: null, disks: [], problems: [], warnings: [] },
    });
    expect(errorOf(await engine.run(recipe)).code).toBe('FILE_NOT_FOUND');
  });
});

it('says of a folder that is missing what the start says', async () => {
  const engine = await startEngine();
  const folder = path.join(temporaryFolder(), 'nowhere');
  const recipe = quantize(path.join(folder, 'out.gguf'));
  const missing = { code: 'FILE_NOT_FOUND', details: { path: folder, missing: 'output folder' } };
  await expect(expected(engine, recipe)).rejects.toMatchObject(missing);
  const asked = { recipe: recipeSchema.parse(recipe), isOutputOpen: true };
  expect((await engine.call['jobs.preflight'](asked, context)).seconds).not.toBeNull();
  expect(errorOf(await engine.run(recipe))).toMatchObject(missing);
});

describe('too little', () => {
  it('disk refuses a job before any work, with both numbers and the place', async () => {
    const engine = await startEngine({ system: { diskOf: disk(5e6) } });
    const folder = temporaryFolder();
    const snapshot = await engine.run(quantize(path.join(folder, 'out.gguf')));
    const { code, message, details } = errorOf(snapshot);
    expect(code).toBe('DISK_FULL');
    expect(details).toEqual({ needed: (6_819_072 * 8.5) / 8, free: 5e6 });
    expect(message).toContain(folder);
    expect(message).toContain('7.25 MB');
    expect(engine.events.filter(({ name }) => name === 'jobs.changed').length).toBe(2); // started, failed: no stage
    expect(readdirSync(folder)).toEqual([]);
  });

  it('of one disk for output and scratch together counts once', async () => {
    const recipe = { verb: 'slice', method: 'per-block', model: sampleModel, sparsity: 0.25, ...quick };
    const output = path.join(temporaryFolder(), 'out');
    const one = await startEngine({ system: { diskOf: disk(1e12) } });
    const two = await startEngine({
      system: { diskOf: async (folder) => ({ device: folder === path.dirname(output) ? 1 : 2, freeBytes: 1e12 }) },
    });
    const [together, apart] = await Promise.all([one, two].map((engine) => expected(engine, { ...recipe, output })));
    expect(together!.disks).toHaveLength(1);
    expect(apart!.disks.map(({ neededBytes }) => neededBytes)).toEqual([
      together!.disks[0]!.neededBytes - 2 * 512 * 256 * 4, // the residual
      2 * 512 * 256 * 4,
    ]);
  });

  it('memory of the machine refuses, memory that is free now warns', async () => {
    const small = await startEngine({ system: { totalMemory: () => 2 ** 20 } });
    const output = path.join(temporaryFolder(), 'out.gguf');
    expect(errorOf(await small.run(quantize(output)))).toMatchObject({
      code: 'OUT_OF_MEMORY',
      message: expect.stringContaining('this machine has 1.00 MiB'),
      details: { limit: 2 ** 20 },
    });
    const busy = await startEngine({ system: { totalMemory: () => 64 * GiB, availableMemory: () => 2 ** 20 } });
    const result = resultOf(await busy.run(quantize(output, { evaluate: false, prove: false })), 'quantize');
    expect(result.warnings).toEqual([expect.stringMatching(/expected to need .* MiB .* 1.00 MiB are free now/)]);
    expect(existsSync(output)).toBe(true);
  });

  it('memory that --max-memory allows refuses', async () => {
    const engine = await startEngine();
    const fit = { verb: 'fit', model: sampleModel, output: path.join(temporaryFolder(), 'o.gguf'), ...quick };
    const recipe = { ...fit, target: { kind: 'file', bytes: 5e6 }, maxMemoryBytes: 2 ** 20 };
    expect(errorOf(await engine.run(recipe))).toMatchObject({
      code: 'OUT_OF_MEMORY',
      message: expect.stringContaining('--max-memory allows 1.00 MiB'),
    });
  });

  it('disk for the candidates of a fit, once their bytes are known, refuses too', async () => {
    const engine = await startEngine({ system: { diskOf: disk(1) } });
    const fit = { verb: 'fit', model: sampleModel, output: path.join(temporaryFolder(), 'o.gguf'), ...quick };
    // How many there will be is not certain before they are planned.
    const told = await expected(engine, { ...fit, target: { kind: 'file', bytes: 5e6 } });
    expect(told.problems).toEqual([expect.objectContaining({ kind: 'disk', refuses: false, neededBytes: 15e6 })]);
  });
});

describe('a fit that names a plan', () => {
  const target = { kind: 'memory', bytes: 0.5 * GiB, reserveBytes: 2 ** 20, context: 512 };
  const folder = mkdtempSync(path.join(tmpdir(), 'snug-test-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const output = path.join(folder, 'out.gguf');
  const fit = (plan: string): object => ({ verb: 'fit', model: sampleModel, target, plan, output });
  /** Output and user data lie on two disks. */
  const apart =
    (freeBytes: number) =>
    async (place: string): Promise<{ device: number; freeBytes: number }> => ({
      device: place === folder ? 1 : 2,
      freeBytes,
    });

  it('is told what the list of plans says of it: seconds, memory, bytes', async () => {
    const engine = await startEngine({ system: { diskOf: apart(1e12) } });
    const { plans } = resultOf(await engine.run({ verb: 'plan', model: sampleModel, target }), 'plan');
    const ids = ['q5_k_m', 'q8_0', 'all-q4_0'];
    const named = plans.filter(({ id }) => ids.includes(id));
    expect(named.map(({ id }) => id).sort()).toEqual(ids.sort());
    for (const { id, cost, fileBytes } of named) {
      const told = await expected(engine, fit(id));
      expect(told.disks[0]).toMatchObject({ place: folder, neededBytes: fileBytes });
      expect(Math.round(told.seconds!.likely), id).toBe(cost.seconds);
      expect(told.peakMemoryBytes, id).toBe(cost.peakMemoryBytes);
    }
  });

  it('is refused where its disk has less than the file, listed or not', async () => {
    const engine = await startEngine({ system: { diskOf: apart(5e6) } });
    const before = await expected(engine, fit('q8_0'));
    expect(before.problems).toEqual([expect.objectContaining({ kind: 'disk', refuses: true })]);
    const { plans } = resultOf(await engine.run({ verb: 'plan', model: sampleModel, target }), 'plan');
    const { fileBytes } = plans.find(({ id }) => id === 'q8_0')!;
    const after = await expected(engine, fit('q8_0'));
    expect(after.problems).toEqual([
      expect.objectContaining({ kind: 'disk', refuses: true, neededBytes: fileBytes, availableBytes: 5e6 }),
    ]);
    // By its name alone: the least that the type takes.
    expect(before.problems[0]!.neededBytes).toBe((6_819_072 * 8.5) / 8);
    expect(before.problems[0]!.neededBytes).toBeLessThan(fileBytes);
  });

  it('or takes the best is told of the best that was listed for its target', async () => {
    const engine = await startEngine({ system: { diskOf: apart(1e12) } });
    // The weights have room, the cache and the buffers beside them have not.
    const bytes = statSync(sampleModel).size + 2 ** 21;
    const small = { ...target, bytes, context: 64 };
    const best = { ...fit('source'), target: small, plan: null, candidates: 1 };
    expect((await expected(engine, best)).stages).not.toHaveProperty('quantize');
    const { plans, best: id } = resultOf(await engine.run({ verb: 'plan', model: sampleModel, target: small }), 'plan');
    const { fileBytes } = plans.find((plan) => plan.id === id)!;
    expect(fileBytes).toBeLessThan(statSync(sampleModel).size);
    const told = await expected(engine, best);
    expect(told.stages).toHaveProperty('quantize');
    expect(told.disks[0]).toMatchObject({ place: folder, neededBytes: fileBytes });
  });

  it('of a folder writes the source as a GGUF, which the list of plans says too', async () => {
    const engine = await startEngine({ system: { diskOf: apart(1e12) } });
    const source = { model: sampleFolder };
    const { plans } = resultOf(await engine.run({ verb: 'plan', ...source, target }), 'plan');
    const { cost, fileBytes, notes } = plans.find(({ id }) => id === 'source')!;
    expect([cost.diskBytes, notes]).toEqual([fileBytes, [expect.stringContaining('one GGUF file')]]);
    const told = await expected(engine, { ...fit('source'), ...source });
    expect(told.disks[0]).toMatchObject({ place: folder, neededBytes: fileBytes });
    expect([Math.round(told.seconds!.likely), told.peakMemoryBytes]).toEqual([cost.seconds, cost.peakMemoryBytes]);
  });

  it('writes a slice of the width that its name says, and nothing where it uses the source', async () => {
    const engine = await startEngine({ system: { diskOf: apart(1e12) } });
    const slice = await expected(engine, fit('slice-192+q8_0'));
    expect(Object.keys(slice.stages)).toContain('slice');
    const whole = await expected(engine, fit('q8_0'));
    expect(Object.keys(whole.stages)).not.toContain('slice');
    expect(slice.disks[0]!.neededBytes).toBeLessThan(whole.disks[0]!.neededBytes);
    expect((await expected(engine, fit('source'))).disks[0]!.neededBytes).toBe(0);
  });
});

describe('what a machine is known by', () => {
  const identity: MachineIdentity = { cpu: 'A', cores: 8, version: '1' };
  const rates = {
    threads: 8,
    operationsPerSecond: 5,
    weightsPerSecond: { legacy: 1, k: 1, iq: 1 },
    writeBytesPerSecond: 1,
    readBytesPerSecond: 1,
  };
  const children = {
    worker: async (_signal: AbortSignal, task: (client: never, log: () => string[]) => Promise<never>) =>
      task({ measureMachine: async () => ({ rates, seconds: 0 }) } as never, () => []),
  };
  const measured = async (settings = settingsInMemory()): Promise<MachineService> => {
    const service = new MachineService(settings, identity);
    await service.measure(children, '/', new AbortController().signal);
    return service;
  };

  it('is kept in the catalog, across engines', async () => {
    const home = temporaryFolder();
    const catalog = await Catalog.open(home);
    await measured(catalog.settings);
    catalog.close();
    const again = await Catalog.open(home);
    onTestFinished(() => again.close());
    expect(new MachineService(again.settings, identity).known().rates).toEqual(rates);
  });

  it.each([{ cpu: 'B' }, { cores: 4 }, { version: '2' }])('is measured anew where %o is another', async (change) => {
    const settings = settingsInMemory();
    const service = await measured(settings);
    service.learn({ plain: { prove: { stage: 'prove', seconds: 1 } } }, { prove: 2 });
    expect(service.known().learned).toEqual({ prove: { expected: 1, actual: 2 } });
    const other = new MachineService(settings, { ...identity, ...change });
    expect(other.isMeasured()).toBe(false);
    expect(other.known().learned).toEqual({});
    expect(service.isMeasured()).toBe(true);
  });

  it('by settings that cannot be read are the usual rates', () => {
    const broken = { get: (): unknown => JSON.parse('{'), update: () => {} };
    const { rates: usual } = new MachineService(broken, identity).known();
    expect(usual.threads).toBe(8);
    expect(
      estimate([{ stage: 'a', processes: 1, memoryBytes: 0 }], { rates: usual, learned: {}, startSeconds: 1 }, 1)
        .seconds.likely,
    ).toBe(1);
  });
});

// Other work on the machine may come or go between the two: then it is tried again.
it(
  'after one job the next of its kind is foreseen within a factor of three',
  { timeout: 240_000, retry: 2 },
  async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    // All stages in our own workers: threads of llama.cpp wait for each other, which on a busy machine takes any time.
    const recipe = (name: string): object => ({
      ...{ verb: 'slice', method: 'per-block', model: path.dirname(sampleModel), sparsity: 0.25 },
      ...{ ...quick, output: path.join(folder, name), calibration: { samples: 4, length: 256 } },
    });
    slicedBy(await engine.run(recipe('a')), 'per-block');
    const { stages } = await expected(engine, recipe('b'));
    const result = slicedBy(await engine.run(recipe('b')), 'per-block');
    // The check before a slice is made once for a model, and shorter stages are the start of a process.
    const actual = Object.entries(result.stages).filter(([stage, taken]) => stage !== 'invariance' && taken > 0.5);
    expect(actual.length).toBeGreaterThan(0);
    for (const [stage, taken] of actual) {
      expect(stages[stage]!.likely / taken, stage).toBeGreaterThan(1 / 3);
      expect(stages[stage]!.likely / taken, stage).toBeLessThan(3);
    }
  },
);
