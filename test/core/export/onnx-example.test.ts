// The example of docs/onnx.md as it stands there, run as a program on models of both kinds.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Decoder } from '../../../src-main/core/architectures/decoder.ts';
import { writeOnnxModel } from '../../../src-main/core/export/onnx/write-onnx-model.ts';
import type { SlicedDecoder } from '../../../src-main/core/slicing/per-block/sliced-decoder.ts';
import { decoderOf } from '../../support/graph-runs.ts';
import { openOnnxDecoder } from '../../support/onnx-decoder.ts';
import { fixtures, root } from '../../support/paths.ts';
import { constantConfig, slicedInto } from '../../support/per-block.ts';
import { ports } from '../../support/slicing.ts';
import { newPath } from './folders.ts';

const page = readFileSync(path.join(root, 'docs/onnx.md'), 'utf8');
const example = /```js\n(.*?)```/su.exec(page)![1]!;

/** What the example prints; it lies in the project, so that it finds the package. */
function printed(file: string, prompt: readonly number[], count: number): string {
  const folder = path.join(root, 'test/output');
  const script = path.join(folder, `onnx-example-${process.pid}.mjs`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(script, example);
  try {
    return execFileSync(process.execPath, [script, file, prompt.join(','), String(count)], { encoding: 'utf8' }).trim();
  } finally {
    rmSync(script);
  }
}

/** The most likely token each time, without a cache. */
async function withoutCache(
  file: string,
  { config }: Decoder | SlicedDecoder,
  prompt: readonly number[],
): Promise<string> {
  const onnx = await openOnnxDecoder(file, config);
  const ids = [...prompt];
  for (let step = 0; step < 6; step += 1) {
    const { logits } = await onnx.run([ids]);
    const last = logits.subarray(-config.vocabSize);
    ids.push(last.indexOf(Math.max(...last)));
  }
  await onnx.session.release();
  return ids.slice(prompt.length).join(' ');
}

test.each(['dense', 'sliced'])('the example writes on with a %s model', async (kind) => {
  const dense = await decoderOf(path.join(fixtures, 'gguf/llama-gqa-f32.gguf'));
  const windows = [Int32Array.from({ length: 96 }, (_, index) => (index * 37 + index * index) % 256)];
  const sliced = async (): Promise<SlicedDecoder> =>
    (await slicedInto(newPath('sliced'), { decoder: dense, windows, widths: constantConfig(dense, 48) })).sliced;
  const decoder = kind === 'dense' ? dense : await sliced();
  const file = newPath('model.onnx');
  await writeOnnxModel({ ...ports, decoder, output: file, type: 'F32' });
  const prompt = [1, 7, 9];
  expect(printed(file, prompt, 6)).toBe(await withoutCache(file, decoder, prompt));
});

test('the example is short', () => {
  expect(example.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(21);
});
