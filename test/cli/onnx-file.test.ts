// An ONNX file that `snug slice` wrote, back through the command line: it is inspected and evaluated, and is the model that
// the folder of the same slice is. What else holds of evaluating such files is in test/engine/onnx-file.test.ts.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { inspection } from '../../src-main/contract/model.ts';
import { evaluateResult } from '../../src-main/contract/results.ts';
import { goldenModels, tinyModel } from '../support/golden-models.ts';
import { snugIn } from '../support/snug-process.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'snug-onnx-'));
const snug = snugIn(folder, path.join(folder, 'home'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function done(...args: string[]): Promise<unknown> {
  const { code, value } = await snug(args);
  expect(code, JSON.stringify(value)).toBe(0);
  return value;
}

describe.skipIf(!goldenModels)('a slice of a golden model', () => {
  // Seven processes, each with an engine and a worker of its own.
  it.each(['per-block', 'shared'])('%s: file and folder are one model', { timeout: 300_000 }, async (method) => {
    const model = tinyModel('llama-gqa');
    const text = path.join(model, 'input.tokens.json');
    const measured = ['--text', text, '--threads', '1'];
    const [asFolder, asFile] = [method, `${method}.onnx`];
    for (const output of [asFolder, asFile]) {
      const cut = ['--method', method, '--width', '48', '--calibration', text, '--threads', '1'];
      // The text is that of the check before the first slice.
      const unmeasured = ['--text', text, '--allow-same-text', '--no-evaluate', '--no-prove'];
      await done('slice', model, ...cut, ...unmeasured, '--output', output);
    }
    const file = inspection.strict().parse(await done('inspect', asFile));
    const { size } = statSync(path.join(folder, asFile));
    expect(file).toMatchObject({ format: 'onnx', tokenizer: null, fileBytes: size, widths: { hidden_size: 64 } });

    const whole = evaluateResult.parse(await done('evaluate', asFolder, ...measured));
    const alone = evaluateResult.parse(await done('evaluate', asFile, ...measured));
    expect(alone).toMatchObject({ engine: 'onnx', kind: 'weights-only', device: 'cpu', windows: 4 });
    expect(Math.abs(alone.compressed.perplexity / whole.compressed.perplexity - 1)).toBeLessThan(1e-4);
    const compared = evaluateResult.parse(await done('evaluate', asFile, ...measured, '--against', asFolder));
    expect(compared.compressed).toEqual(alone.compressed);
    expect(Math.abs(compared.dense!.perplexity / whole.compressed.perplexity - 1)).toBeLessThan(1e-6);
    expect(compared.kld!.mean).toBeLessThan(1e-6);
    expect(compared.topOneAgreement).toBe(1);
  });
});
