// Multiple choice on a model's own block graphs: against float64 loops over each item alone on tiny models of every family,
// against the llama host on F32 weights, and of a model sliced block by block against its own forward pass.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Progress } from '../../src-main/contract/progress.ts';
import type { TaskItem } from '../../src-main/core/evaluation/tasks.ts';
import { slicedForward } from '../../src-main/core/slicing/per-block/sliced-forward.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { caller, exact, handlers as llama, someTokens, temporaryFolder } from '../llama-host/host.ts';
import { withFloat } from '../support/broken-models.ts';
import { denseFloat64, float64Logits } from '../support/float64-model.ts';
import { goldenModels, goldenTokens, tinyModel, tinyModels } from '../support/golden-models.ts';
import { decoderOf, oneThread } from '../support/graph-runs.ts';
import { sampleModel } from '../support/paths.ts';
import { constantConfig, slicedInto } from '../support/per-block.ts';
import { quiet } from './quantize-oracle.ts';

const folder = temporaryFolder();
const scratch = path.join(folder, 'scratch');

type Params = Parameters<typeof handlers.scoreBlocks>[0];
const score = (
  params: Pick<Params, 'items'> & Partial<Params>,
  context: Parameters<typeof handlers.scoreBlocks>[1] = quiet,
): ReturnType<typeof handlers.scoreBlocks> =>
  handlers.scoreBlocks({ model: sampleModel, scratch, threads: 1, provider: 'cpu', ...params }, context);

const item = (window: Int32Array, border: number, end: number = window.length): TaskItem => ({
  context: window.slice(0, border),
  continuation: window.slice(border, end),
});

/** Items that share beginnings and do not, one token and many, in two windows of 256. */
function itemsOf(windows: readonly Int32Array[]): TaskItem[] {
  const tokens = windows.flatMap((window) => [...window]);
  const piece = (number: number): Int32Array =>
    Int32Array.from({ length: 40 }, (_, index) => tokens[(37 * number + index) % tokens.length]!);
  const [first, second, third, fourth] = [piece(0), piece(1), piece(2), piece(3)];
  return [
    item(first, 20),
    item(first, 20, 21),
    item(Int32Array.of(...first.subarray(0, 20), ...second.subarray(0, 9)), 20),
    item(second, 1, 2),
    item(second, 1),
    item(third, 39),
    item(third, 1, 3),
    ...[first, second, third].map((each) => item(each.toReversed(), 30)),
    item(fourth, 25),
    item(first, 20),
  ];
}

const inputOf = ({ context, continuation }: TaskItem): Int32Array => Int32Array.of(...context, ...continuation);

function logProb(logits: Float64Array, token: number): number {
  const most = Math.max(...logits);
  return logits[token]! - most - Math.log(logits.reduce((sum, value) => sum + Math.exp(value - most), 0));
}

function expectClose(found: Float64Array, wanted: readonly number[], tolerance: number): void {
  expect(found).toHaveLength(wanted.length);
  for (const [index, value] of wanted.entries())
    expect(Math.abs(found[index]! - value), `${index}`).toBeLessThan(tolerance);
}

// The loops know no scaling of rotary frequencies.
test.each(tinyModels.filter((name) => name !== 'llama3-rope'))(
  '%s: the sums of float64 loops over each item alone',
  async (name) => {
    const items = itemsOf(goldenTokens(name));
    const { logLikelihoods, tokens } = await score({ model: tinyModel(name), items });
    const model = await denseFloat64(await decoderOf(tinyModel(name)));
    const wanted = items.map((each) => {
      const [logits] = float64Logits(model, [inputOf(each)]);
      const { context, continuation } = each;
      return continuation.reduce((sum, token, index) => sum + logProb(logits![context.length - 1 + index]!, token), 0);
    });
    // Two windows.
    expect(tokens).toBe(512);
    expectClose(logLikelihoods, wanted, 1e-3);
  },
);

describe.skipIf(!goldenModels)('golden models', () => {
  test.each(['llama-gqa', 'llama3-rope'])('%s: as the llama host, on the same weights in F32', async (name) => {
    const output = path.join(folder, `${name}.gguf`);
    await handlers.convert({ folder: tinyModel(name), output }, quiet);
    const items = itemsOf(goldenTokens(name));
    const host = await llama.scoreContinuations({ model: output, items, settings: exact }, caller());
    const { logLikelihoods } = await score({ model: output, items });
    expectClose(logLikelihoods, [...host.logLikelihoods], 1e-3);
  });

  test.each(['llama-gqa', 'opt'])('%s sliced block by block: the NLL of its forward pass', async (name) => {
    const windows = goldenTokens(name);
    const decoder = await decoderOf(tinyModel(name));
    const at = path.join(folder, `sliced-${name}`);
    const { sliced } = await slicedInto(at, { decoder, windows, widths: constantConfig(decoder, 48) });
    const items = itemsOf(windows);
    const { logLikelihoods } = await score({ model: at, items });
    const wanted: number[] = [];
    for (const each of items) {
      const { nll } = await slicedForward({ ...oneThread, decoder: sliced, windows: [inputOf(each)] });
      wanted.push(-nll.subarray(each.context.length - 1).reduce((sum, value) => sum + value, 0));
    }
    expectClose(logLikelihoods, wanted, 1e-3);
  });

  test('an item that is longer than a table of positions is refused; many short ones side by side are not', async () => {
    const model = tinyModel('opt');
    const long = item(new Int32Array(130).fill(7), 100);
    await expect(score({ model, items: [long] })).rejects.toMatchObject({
      code: 'USAGE',
      details: { windowLength: 129 },
    });
    const { logLikelihoods } = await score({ model, items: [item(long.context, 80), item(long.context, 99)] });
    expect(logLikelihoods.every(Number.isFinite)).toBe(true);
  });
});

describe('the sample model', () => {
  const items = Array.from({ length: 24 }, (_, index) => item(someTokens(60 + index, index), 40 + index));

  test('progress counts items; a cancel stops between runs; nothing stays in the scratch folder', async () => {
    const told: Progress[] = [];
    await score({ items }, { ...quiet, progress: (report) => void told.push(report) });
    expect(told.every(({ done }, index) => index === 0 || done >= told[index - 1]!.done)).toBe(true);
    expect(told.at(-1)).toMatchObject({ stage: 'evaluate', unit: 'items', total: 24 });
    expect(told.at(-1)!.done).toBeCloseTo(24, 6);
    const controller = new AbortController();
    const late = score({ items }, { signal: controller.signal, progress: () => controller.abort() });
    await expect(late).rejects.toThrow(/abort/i);
    expect(existsSync(scratch)).toBe(false);
  });

  test('an empty part and a token outside of the vocabulary are refused', async () => {
    const [none, some] = [new Int32Array(), someTokens(3)];
    for (const [wrong, words] of [
      [{ context: none, continuation: some }, /Item 1 has an empty context/],
      [{ context: some, continuation: none }, /Item 1 has an empty continuation/],
      [{ context: some, continuation: Int32Array.of(1 << 20) }, /Token 1048576 of item 1 is not in the vocabulary/],
      [{ context: Int32Array.of(1 << 20), continuation: some }, /Token 1048576 is not in the vocabulary/],
    ] as const) {
      const failed = score({ items: [items[0]!, wrong] });
      await expect(failed).rejects.toMatchObject({ code: 'USAGE', message: expect.stringMatching(words) as never });
    }
  });

  test('a probability that is not finite is NON_FINITE', async () => {
    const model = path.join(folder, 'overflow.gguf');
    await withFloat(model, 'output_norm.weight', 0, 3e38);
    await expect(score({ model, items })).rejects.toMatchObject({
      code: 'NON_FINITE',
      details: { file: model, item: 0 },
    });
  });
});
