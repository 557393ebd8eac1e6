// The session that times models: what it makes of several texts side by side is what it makes of each alone.
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { writeOnnxModel } from '../../src-main/core/export/onnx/write-onnx-model.ts';
import { openCachedSession } from '../../src-main/worker/onnx/cached-session.ts';
import type { CachedSession } from '../../src-main/worker/onnx/cached-session.ts';
import { temporaryFolder } from '../llama-host/host.ts';
import { furthest, goldenModels } from '../support/golden-models.ts';
import { decoderOf, run } from '../support/graph-runs.ts';
import { fixtures } from '../support/paths.ts';
import { constantConfig, slicedInto } from '../support/per-block.ts';
import { golden, ports } from '../support/slicing.ts';

const folder = temporaryFolder();
const gguf = path.join(fixtures, 'gguf/llama-gqa-f32.gguf');
const tolerance = 1e-4;
const [batch, prompt, steps] = [3, 9, 4];
/** Texts [batch, prompt + steps] without a token in common at any place. */
const texts = Array.from({ length: batch }, (_, row) =>
  Array.from({ length: prompt + steps }, (_column, index) => (row * 37 + index * 101 + index * index * 7) % 256),
);

async function sessionOf(
  decoder: Parameters<typeof writeOnnxModel>[0]['decoder'],
  name: string,
): Promise<CachedSession> {
  const output = path.join(folder, `${name}.onnx`);
  await writeOnnxModel({ ...ports, decoder, output, type: 'F32' });
  const session = await openCachedSession(output, { threads: 1 });
  onTestFinished(() => session.close());
  return session;
}

/** Logits of every text [T, V]: a prefill of all prompts and a run for each token behind them, side by side. */
async function sideBySide(session: CachedSession, rows: readonly (readonly number[])[]): Promise<number[][]> {
  session.reset();
  const found: number[][] = rows.map(() => []);
  for (const [from, to] of [[0, prompt], ...Array.from({ length: steps }, (_, k) => [prompt + k, prompt + k + 1])]) {
    const ids = rows.flatMap((row) => row.slice(from, to));
    const logits = await session.advance(ids, rows.length);
    const size = (to! - from!) * session.vocabSize;
    expect(logits).toHaveLength(rows.length * size);
    for (const [row, all] of found.entries()) all.push(...logits.subarray(row * size, (row + 1) * size));
  }
  return found;
}

async function expectRowsAlone(session: CachedSession): Promise<number[][]> {
  const found = await sideBySide(session, texts);
  for (const [row, text] of texts.entries()) {
    const [stepped] = await sideBySide(session, [text]);
    expect(furthest(found[row]!, stepped!)).toBeLessThan(tolerance);
    session.reset();
    expect(furthest(found[row]!, await session.advance(text, 1))).toBeLessThan(tolerance);
  }
  // Rows are told apart: texts differ by far more than the tolerance.
  expect(furthest(found[0]!, found[1]!)).toBeGreaterThan(100 * tolerance);
  return found;
}

test('rows of a batch are the texts alone, whole and token by token, and those of our own forward pass', async () => {
  const decoder = await decoderOf(gguf);
  const found = await expectRowsAlone(await sessionOf(decoder, 'dense'));
  const windows = texts.map((text) => Int32Array.from(text));
  const positions = texts.flatMap((text, window) => text.map((_, position) => ({ window, position })));
  const { rows } = await run(decoder, windows, { positions, nll: false, rowKind: 'logits' });
  expect(furthest(found.flat(), rows)).toBeLessThan(tolerance);
});

test.skipIf(!goldenModels).each(['qwen2', 'opt', 'phi', 'phi3'])('%s', async (name) => {
  await expectRowsAlone(await sessionOf(await decoderOf(golden(name)), name));
});

test.skipIf(!goldenModels)('sliced block by block', async () => {
  const decoder = await decoderOf(golden('llama-gqa'));
  const windows = texts.map((text) => Int32Array.from(text));
  const { sliced } = await slicedInto(path.join(folder, 'folder'), {
    ...{ decoder, windows, widths: constantConfig(decoder, 48) },
  });
  await expectRowsAlone(await sessionOf(sliced, 'sliced'));
});
