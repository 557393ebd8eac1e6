// Everything that can be wrong: each gives a clear error, and nothing half-written remains.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { errorOf, quick, resultOf, startEngine, temporaryFolder } from '../support/engine.ts';
import { goldenModels, tinyModel } from '../support/golden-models.ts';
import { architectures, fixtures, sampleFolder, sampleModel } from '../support/paths.ts';
import { canMount, smallDisk } from '../support/small-disk.ts';
import { withElement, withMetadata } from '../support/broken-models.ts';

const quantize = (model: string, output: string, more: object = {}) => ({
  verb: 'quantize',
  model,
  output,
  type: 'Q8_0',
  ...quick,
  ...more,
});

async function failure(model: string, more: object = {}) {
  const engine = await startEngine();
  const folder = temporaryFolder();
  const error = errorOf(await engine.run(quantize(model, path.join(folder, 'out.gguf'), more)));
  expect(readdirSync(folder)).toEqual([]);
  return error;
}

describe('a model that cannot be worked on', () => {
  it('is missing', async () => {
    expect(await failure('/nowhere/model.gguf')).toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it('is a folder without a model', async () => {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, 'notes.txt'), 'nothing');
    const error = await failure(folder);
    expect(error.code).toBe('FILE_NOT_FOUND');
    expect(error.message).toContain(folder);
  });

  it('is a folder of a family that is not converted', async () => {
    const folder = temporaryFolder();
    cpSync(sampleFolder, folder, { recursive: true });
    const config = JSON.parse(readFileSync(path.join(folder, 'config.json'), 'utf8')) as object;
    writeFileSync(path.join(folder, 'config.json'), JSON.stringify({ ...config, model_type: 'falcon' }));
    rmSync(path.join(folder, 'sample-7m.F16.gguf'), { force: true });
    const error = await failure(folder);
    expect(error.code).toBe('UNSUPPORTED_ARCHITECTURE');
    expect(error.message).toContain('falcon');
  });

  it.skipIf(!goldenModels)('has no tokenizer, and gets text', async () => {
    expect(await failure(tinyModel('llama-gqa'))).toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/no tokenizer: give texts as token ids/) as string,
    });
  });

  it('lacks a shard', async () => {
    const shard = path.join(temporaryFolder(), 'model-00001-of-00002.gguf');
    await withMetadata(sampleModel, shard, (metadata) => {
      metadata.set('split.no', { type: 'uint16', value: 0 });
      metadata.set('split.count', { type: 'uint16', value: 2 });
      metadata.set('split.tensors.count', { type: 'int32', value: 57 });
    });
    const error = await failure(shard);
    expect(error.code).toBe('FILE_NOT_FOUND');
    expect(error.message).toContain('model-00002-of-00002.gguf');
  });

  it('is cut short', async () => {
    const file = path.join(temporaryFolder(), 'cut.gguf');
    copyFileSync(sampleModel, file);
    truncateSync(file, 5_000_000);
    expect(await failure(file)).toMatchObject({ code: 'FILE_MALFORMED', details: { file } });
  });

  it('has an architecture that llama.cpp does not know', async () => {
    const file = path.join(temporaryFolder(), 'odd.gguf');
    await withMetadata(sampleModel, file, (metadata) =>
      metadata.set('general.architecture', { type: 'string', value: 'notallama' }),
    );
    const error = await failure(file);
    expect(error.code).toBe('UNSUPPORTED_ARCHITECTURE');
    expect(error.message).toContain('notallama');
  });

  it('is malformed', async () => {
    expect(await failure(path.join(fixtures, 'hostile/gguf-overlapping-tensors.gguf'))).toMatchObject({
      code: 'FILE_MALFORMED',
    });
  });

  it.each([
    ['off', 'blk.3.ffn_down.weight', 0x7e00],
    ['on', 'blk.2.attn_q.weight', 0x7c00],
  ])('has a weight that is not finite (importance %s)', async (importance, tensor, bits) => {
    const file = path.join(temporaryFolder(), 'nan.gguf');
    await withElement(file, tensor, 1234, bits);
    const error = await failure(file, { importance });
    expect(error.code).toBe('NON_FINITE');
    expect(error.message).toContain(tensor);
    expect(error.message).toContain('1234');
  });

  it.skipIf(architectures === null)('has expert counts that abort llama.cpp', async () => {
    const file = path.join(temporaryFolder(), 'experts.gguf');
    await withMetadata(path.join(architectures!, 'qwen3moe.gguf'), file, (metadata) =>
      metadata.set('qwen3moe.expert_used_count', { type: 'uint32', value: 9 }),
    );
    const error = await failure(file);
    expect(error.code).toBe('LLAMA_CRASHED');
    expect(error.message).toMatch(/SIGABRT|expert/);
  });
});

describe('texts', () => {
  it('are too short', async () => {
    const text = path.join(temporaryFolder(), 'short.txt');
    writeFileSync(text, 'Only a few words.');
    expect(await failure(sampleModel, { calibration: { texts: [text] } })).toMatchObject({ code: 'TEXT_TOO_SHORT' });
    expect(await failure(sampleModel, { importance: 'off', evaluation: { text } })).toMatchObject({
      code: 'TEXT_TOO_SHORT',
    });
  });

  it('are not used twice unless asked for', async () => {
    const evaluation = { ...quick.evaluation, text: 'calibration' };
    expect(await failure(sampleModel, { evaluation })).toMatchObject({ code: 'TEXT_REUSED' });
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'out.gguf');
    const allowed = { ...evaluation, allowSameText: true };
    expect(
      resultOf(await engine.run(quantize(sampleModel, output, { evaluation: allowed })), 'quantize').quality!.text,
    ).toBe('calibration');
  });

  it('are not used twice through an importance file either', async () => {
    const engine = await startEngine();
    const importance = path.join(temporaryFolder(), 'importance.gguf');
    const calibrated = resultOf(
      await engine.run({ verb: 'calibrate', model: sampleModel, output: importance, calibration: quick.calibration }),
      'calibrate',
    );
    expect(calibrated.weights).toBe(43);
    const evaluation = { ...quick.evaluation, text: 'calibration' };
    expect(await failure(sampleModel, { importance, evaluation })).toMatchObject({ code: 'TEXT_REUSED' });
  });
});

describe('outputs', () => {
  it('are not overwritten without force', async () => {
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'out.gguf');
    writeFileSync(output, 'mine');
    expect(errorOf(await engine.run(quantize(sampleModel, output)))).toMatchObject({ code: 'OUTPUT_EXISTS' });
    const forced = resultOf(
      await engine.run(quantize(sampleModel, output, { force: true, importance: 'off' })),
      'quantize',
    );
    expect(forced.output).toBe(output);
  });

  it('are not the model itself, even with force', async () => {
    const engine = await startEngine();
    const model = path.join(temporaryFolder(), 'model.gguf');
    copyFileSync(sampleModel, model);
    expect(errorOf(await engine.run(quantize(model, model, { force: true })))).toMatchObject({ code: 'USAGE' });
  });

  it('need a folder that exists', async () => {
    const engine = await startEngine();
    expect(errorOf(await engine.run(quantize(sampleModel, '/nowhere/out.gguf')))).toMatchObject({
      code: 'FILE_NOT_FOUND',
      details: { path: '/nowhere', missing: 'output folder' },
    });
  });

  it('of two runs at once do not mix', async () => {
    const engines = await Promise.all([startEngine(), startEngine()]);
    const output = path.join(temporaryFolder(), 'out.gguf');
    const recipe = quantize(sampleModel, output, { importance: 'off', evaluate: false, prove: false });
    const ends = await Promise.all(engines.map((engine) => engine.run(recipe)));
    expect(ends.filter(({ job }) => job.state === 'done')).toHaveLength(1);
    for (const end of ends) if (end.job.state === 'failed') expect(end.job.error.code).toBe('OUTPUT_EXISTS');
    expect(readdirSync(path.dirname(output)).toSorted()).toEqual(['out.gguf', 'out.gguf.recipe.json']);
  });

  it.skipIf(!canMount)('on a full disk leave nothing', async () => {
    const { folder: small, grow } = smallDisk(3);
    const engine = await startEngine();
    const error = errorOf(await engine.run(quantize(sampleModel, path.join(small, 'out.gguf'), { importance: 'off' })));
    expect(error.code).toBe('DISK_FULL');
    expect(Number(error.details['needed'])).toBeGreaterThan(Number(error.details['free']));
    expect(readdirSync(small)).toEqual([]);
    // With room, the same run goes on.
    grow(30);
    const { jobs } = await engine.call['jobs.list']({}, {} as never);
    const { id } = jobs[0]!;
    await engine.call['jobs.resume']({ id }, {} as never);
    resultOf(await engine.ended(id), 'quantize');
    expect(existsSync(path.join(small, 'out.gguf'))).toBe(true);
  });
});

describe('importance files', () => {
  it('of another model are refused with the tensor', async () => {
    const engine = await startEngine();
    const importance = path.join(temporaryFolder(), 'importance.gguf');
    resultOf(
      await engine.run({ verb: 'calibrate', model: sampleModel, output: importance, calibration: quick.calibration }),
      'calibrate',
    );
    expect(
      await failure(path.join(fixtures, 'gguf/llama-gqa-f32.gguf'), { importance, evaluation: quick.evaluation }),
    ).toMatchObject({ code: 'IMPORTANCE_MISMATCH' });
  });

  it('are needed for the smallest types', async () => {
    expect(await failure(sampleModel, { type: 'IQ2_XS', importance: 'off' })).toMatchObject({
      code: 'IMPORTANCE_MISSING',
    });
  });

  it('may be any file of the right kind only', async () => {
    expect(await failure(sampleModel, { importance: sampleModel })).toMatchObject({ code: 'FILE_MALFORMED' });
  });
});

describe('devices and gates', () => {
  it('that were named and are not there are errors', async () => {
    const error = await failure(sampleModel, { device: 'cuda' });
    expect(error.code).toBe('DEVICE_UNAVAILABLE');
    expect(error.message).toContain('--device cpu');
  });

  it('are refused without a comparison, and reported when missed', async () => {
    expect(await failure(sampleModel, { evaluate: false, evaluation: { gateKld: 0.1 } })).toMatchObject({
      code: 'USAGE',
    });
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'out.gguf');
    const evaluation = { ...quick.evaluation, gateKld: 1e-9 };
    const result = resultOf(
      await engine.run(quantize(sampleModel, output, { importance: 'off', evaluation })),
      'quantize',
    );
    expect(result.gate).toMatchObject({ measure: 'kld', limit: 1e-9, passed: false });
    expect(existsSync(output)).toBe(true);
  });
});

describe('cancel', () => {
  it.each(['calibrate', 'quantize', 'evaluate'])(
    'during %s ends the job within 2 s and leaves nothing',
    async (stage) => {
      const engine = await startEngine();
      const folder = temporaryFolder();
      const id = await engine.runUntil(
        quantize(sampleModel, path.join(folder, 'out.gguf'), {
          calibration: { samples: 100 },
          evaluation: {},
          importance: stage === 'calibrate' ? 'on' : 'off',
        }),
        stage,
      );
      const start = performance.now();
      const snapshot = await engine.call['jobs.cancel']({ id }, {} as never);
      expect(performance.now() - start).toBeLessThan(2000);
      expect(snapshot.job.state).toBe('cancelled');
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  it('of a waiting job takes it out of the queue', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const first = await engine.runUntil(
      quantize(sampleModel, path.join(folder, 'a.gguf'), { calibration: { samples: 100 } }),
      'calibrate',
    );
    const waiting = engine.run(quantize(sampleModel, path.join(folder, 'b.gguf')));
    const jobs = (await engine.call['jobs.list']({}, {} as never)).jobs;
    await engine.call['jobs.cancel']({ id: jobs[1]!.id }, {} as never);
    expect((await waiting).job.state).toBe('cancelled');
    await engine.call['jobs.cancel']({ id: first }, {} as never);
  });
});

describe('a child that dies', () => {
  const kill = (): void => {
    const hosts = execFileSync('pgrep', ['-P', String(process.pid), '-f', 'llama-host/main.ts'], { encoding: 'utf8' });
    for (const pid of hosts.trim().split('\n')) process.kill(Number(pid), 'SIGKILL');
  };

  it('is started again once, and the result says so', async () => {
    const engine = await startEngine();
    const output = path.join(temporaryFolder(), 'out.gguf');
    const recipe = quantize(sampleModel, output, { evaluate: false, prove: false });
    const id = await engine.runUntil(recipe, 'calibrate');
    kill();
    const result = resultOf(await engine.ended(id), 'quantize');
    expect(result.warnings).toContainEqual(
      expect.stringMatching(/done again: llama.cpp ended unexpectedly \(signal SIGKILL\)/),
    );
    const undisturbed = path.join(temporaryFolder(), 'out.gguf');
    const other = resultOf(await engine.run({ ...recipe, output: undisturbed }), 'quantize');
    expect(result.sha256).toBe(other.sha256);
  });

  it('twice fails its job and not the engine', async () => {
    const engine = await startEngine();
    const folder = temporaryFolder();
    const id = await engine.runUntil(
      quantize(sampleModel, path.join(folder, 'out.gguf'), { calibration: { samples: 100 } }),
      'calibrate',
    );
    kill();
    await setTimeout(1500); // the next one is at work
    kill();
    expect(errorOf(await engine.ended(id))).toMatchObject({
      code: 'LLAMA_CRASHED',
      details: { reason: 'signal SIGKILL' },
    });
    expect(readdirSync(folder)).toEqual([]);
    expect(await engine.call.inspect({ model: sampleModel }, {} as never)).toMatchObject({ architecture: 'llama' });
  });
});
