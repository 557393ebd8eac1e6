// The command line with the real engine on the sample model: every verb, every exit code, no half file.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { deviceList } from '../../src-main/contract/devices.ts';
import { inspection } from '../../src-main/contract/model.ts';
import { planList } from '../../src-main/contract/plan.ts';
import {
  calibrateResult,
  evaluateResult,
  fitResult,
  quantizeResult,
  textList,
} from '../../src-main/contract/results.ts';
import { root, sampleModel } from '../support/paths.ts';
import { snugIn } from '../support/snug-process.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'snug-cli-'));
const home = path.join(folder, 'home');
/** Little work: these tests are about the way, not the numbers. */
const smallWindows = ['--window', '128', '--windows', '1'];
const smallCalibration = ['--samples', '2', '--length', '128'];

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const snug = snugIn(folder, home);

/** Files of the test's folder, without the home and the records of runs. */
function files(): string[] {
  return readdirSync(folder)
    .filter((name) => name !== 'home' && !name.endsWith('.recipe.json'))
    .sort();
}

describe('snug on the sample model', () => {
  it('inspects it', async () => {
    const { code, value } = await snug(['inspect', sampleModel]);
    expect(code).toBe(0);
    expect(inspection.strict().parse(value)).toMatchObject({ architecture: 'llama', can: { quantize: true } });
  });

  it('lists texts and devices', async () => {
    const [texts, devices] = [await snug(['texts']), await snug(['devices'])];
    expect([texts.code, devices.code]).toEqual([0, 0]);
    expect(textList.parse(texts.value).texts.map(({ name }) => name)).toContain('evaluation');
    expect(deviceList.parse(devices.value).devices).not.toEqual([]);
  });

  it('plans, best first', async () => {
    const { code, value } = await snug(['plan', sampleModel, '--file-size', '4.5MB']);
    expect(code).toBe(0);
    const { best, plans } = planList.parse(value);
    expect(plans[0]).toMatchObject({ id: best, fits: true });
    expect(plans[0]!.fileBytes).toBeLessThanOrEqual(4.5e6);
  });

  it('exits with 3 where nothing fits', async () => {
    const { code, value } = await snug(['plan', sampleModel, '--memory', '2MiB', '--context', '256']);
    expect(code).toBe(3);
    expect(planList.parse(value).best).toBeNull();
  });

  it('calibrates', async () => {
    const { code, value } = await snug(['calibrate', sampleModel, '--output', 'i.gguf', ...smallCalibration]);
    expect(code).toBe(0);
    expect(calibrateResult.parse(value)).toMatchObject({ output: path.join(folder, 'i.gguf'), tokens: 256 });
    expect(files()).toEqual(['i.gguf']);
  });

  it('quantises, and exits with 4 at a gate while the file stays', async () => {
    const quantize = ['quantize', sampleModel, '--type', 'Q4_0', '--importance', 'i.gguf', '--output', 'q.gguf'];
    const { code, value } = await snug([...quantize, '--gate-kld', '1e-9', ...smallWindows]);
    expect(code).toBe(4);
    const result = quantizeResult.parse(value);
    expect(result.gate).toMatchObject({ limit: 1e-9, passed: false });
    expect(result.proof).toMatchObject({ loaded: true, passed: true });
    expect(readFileSync(path.join(folder, 'q.gguf')).length).toBe(result.fileBytes);
  });

  it('does not overwrite without --force', async () => {
    const { code, value } = await snug(['quantize', sampleModel, '--type', 'Q8_0', '--output', 'q.gguf']);
    expect(code).toBe(2);
    expect(value).toMatchObject({ error: { code: 'OUTPUT_EXISTS' } });
  });

  it('evaluates', async () => {
    const { code, value } = await snug(['evaluate', 'q.gguf', '--against', sampleModel, ...smallWindows]);
    expect(code).toBe(0);
    const { kld, topOneAgreement } = evaluateResult.parse(value);
    expect(kld?.mean).toBeGreaterThan(0);
    expect(topOneAgreement).toBeGreaterThan(0.5);
  });

  it('fits', async () => {
    const target = ['--file-size', '4.5MB', '--candidates', '2', '--output', 'f.gguf'];
    const { code, value, stderr } = await snug([
      'fit',
      sampleModel,
      ...target,
      '--importance',
      'i.gguf',
      ...smallWindows,
    ]);
    expect(code).toBe(0);
    const result = fitResult.parse(value);
    expect(result).toMatchObject({ output: path.join(folder, 'f.gguf'), proof: { passed: true } });
    expect(result.measured).toHaveLength(2);
    expect(stderr).toContain('quantize');
    expect(files()).toEqual(['f.gguf', 'i.gguf', 'q.gguf']);
  });

  it.each([
    [['inspect', 'missing.gguf'], 'FILE_NOT_FOUND'],
    [['plan', path.join(root, 'test/fixtures/hostile/gguf-bad-magic.gguf'), '--memory', '1GB'], 'FILE_MALFORMED'],
    [['quantize', sampleModel, '--type', 'Q9_9', '--output', 'x.gguf'], 'USAGE'],
    [['evaluate', sampleModel, '--text', 'missing.txt'], 'FILE_NOT_FOUND'],
  ])('snug %j is bad input', async (args, errorCode) => {
    const { code, value } = await snug(args);
    expect(value).toMatchObject({ error: { code: errorCode } });
    expect(code).toBe(2);
  });

  it('cancels within two seconds of Ctrl-C and leaves nothing behind', async () => {
    const before = files();
    let cancelledAt = 0;
    const { code, value } = await snug(
      ['calibrate', sampleModel, '--output', 'c.gguf', '--progress', 'json'],
      (text, child) => {
        if (cancelledAt !== 0 || !text.includes('"stage":"calibrate"')) return;
        cancelledAt = performance.now();
        child.kill('SIGINT');
      },
    );
    expect(performance.now() - cancelledAt).toBeLessThan(2000);
    expect(code).toBe(130);
    expect(value).toMatchObject({ error: { code: 'CANCELLED' } });
    expect(files()).toEqual(before);
    expect(existsSync(path.join(folder, 'c.gguf'))).toBe(false);
  });
});
