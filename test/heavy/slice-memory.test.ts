// What a worker holds at most while it calibrates and slices: it follows the largest block, not the model.
import { fork } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { workerApi } from '../../src-main/contract/worker-api.ts';
import { statisticsFiles } from '../../src-main/core/calibration/saved-statistics.ts';
import { openModel } from '../../src-main/core/formats/model-source.ts';
import { connect } from '../../src-main/rpc/client.ts';
import { childTransport } from '../../src-main/rpc/node-child.ts';
import { denseModel } from '../support/dense-model.ts';
import { root } from '../support/paths.ts';
import { writeSyntheticModel } from '../support/synthetic-model.ts';
import { temporaryFolder } from '../worker/quantize-oracle.ts';
import { someTokens } from '../llama-host/host.ts';

const folder = temporaryFolder();
const file = (name: string): string => path.join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

/** Of the 135M model. */
const smallWeights = 134_515_008;

const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** (largest block in float32 × 3) + embedding in its source type + 1.2 GiB. */
async function limitOf(source: string): Promise<{ limit: number; weights: number }> {
  const model = await openModel(source);
  const { tensors } = model;
  await model.close();
  const blocks = new Map<string, number>();
  for (const { name, shape } of tensors) {
    const block = /^blk\.\d+/.exec(name)?.[0];
    if (block) blocks.set(block, (blocks.get(block) ?? 0) + 4 * elements(shape));
  }
  const embedding = tensors.find(({ name }) => name === 'token_embd.weight')!;
  const weights = tensors.reduce((sum, { shape }) => sum + elements(shape), 0);
  return { limit: 3 * Math.max(...blocks.values()) + embedding.bytes + 1.2 * 2 ** 30, weights };
}

/** Calibrates on 4 × 256 tokens and slices to `width`, in one worker; the most that it held. */
async function peakOf(source: string, width: number): Promise<number> {
  const child = fork(path.join(root, 'src-main/worker/main.ts'), { serialization: 'advanced', execArgv: [] });
  try {
    const { call } = connect(workerApi, childTransport(child));
    const [statistics, output] = [file('statistics'), file('sliced.gguf')];
    mkdirSync(statistics);
    const windows = [1, 2, 3, 4].map((seed) => someTokens(256, seed));
    const calibration = { source, windows, folder: statistics, fingerprint: 'none', datasets: [] };
    await call.blockStatistics({ ...calibration, threads: 2 });
    const { gram } = statisticsFiles(statistics);
    const { peakMemoryBytes } = await call.sliceShared({ source, gram, output, width, type: 'F16', threads: 2 });
    for (const made of [statistics, output]) rmSync(made, { recursive: true });
    return peakMemoryBytes;
  } finally {
    child.kill('SIGKILL');
  }
}

const dense = denseModel();

it.skipIf(dense === null)('the 135M model at width 512 stays below the limit', async () => {
  const { limit, weights } = await limitOf(dense!);
  expect(weights).toBe(smallWeights);
  const peak = await peakOf(dense!, 512);
  expect(peak).toBeLessThan(limit);
  // What it really takes.
  expect(peak).toBeLessThan(520 * 2 ** 20);
});

it('a model of 24 layers and four times its weights at width 1024 does too', async () => {
  const source = file('synthetic.gguf');
  await writeSyntheticModel(source, 1);
  const { limit, weights } = await limitOf(source);
  expect(weights).toBeGreaterThan(4 * smallWeights);
  const peak = await peakOf(source, 1024);
  expect(peak).toBeLessThan(limit);
  // Less than its weights, which are 1.1 GB in F16.
  expect(peak).toBeLessThan(800 * 2 ** 20);
});
