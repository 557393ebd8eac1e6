// Every kind of block graph on WebGPU against the processor, through real workers, on SwiftShader: a WebGPU adapter that plays a
// GPU. It proves results, not speed; sessions fail where a node would run on the processor. One worker runs all of it, so that
// a shader is compiled once.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GraphProvider } from '../../src-main/contract/worker/device.ts';
import { openImportance } from '../../src-main/core/quantization/importance-file.ts';
import { readGram } from '../../src-main/core/calibration/gram-file.ts';
import { statisticsFiles } from '../../src-main/core/calibration/saved-statistics.ts';
import { Children, type WorkerClient } from '../../src-main/engine/children.ts';
import { findFolders } from '../../src-main/engine/folders.ts';
import { quick, resultOf, startEngine } from '../support/engine.ts';
import { furthest, goldenTokens, tinyModel, tinyModels } from '../support/golden-models.ts';
import { root, sampleModel } from '../support/paths.ts';
import { softwareAdapter } from '../support/software-adapter.ts';

const adapter = softwareAdapter({ make: true });
const reason = 'reason' in adapter ? `: skipped, ${adapter.reason}` : '';
const providers = ['cpu', 'webgpu'] as const satisfies GraphProvider[];

const folder = mkdtempSync(path.join(tmpdir(), 'snug-webgpu-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let made = 0;
const place = (): string => path.join(folder, `${(made += 1)}`);

const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
/** The largest difference as a share of the largest value. */
const share = (found: ArrayLike<number>, expected: ArrayLike<number>): number =>
  furthest(found, expected) / largest(expected);

describe.skipIf('reason' in adapter)(`on SwiftShader${reason}`, () => {
  const { entries } = findFolders(path.join(root, 'src-main/engine'), false);
  let worker: WorkerClient;
  let endWorker = (): void => {};

  beforeAll(async () => {
    // A process reads where its libraries are when it starts: so only children see the adapter.
    if ('env' in adapter) Object.assign(process.env, adapter.env);
    const { signal } = new AbortController();
    await new Promise<void>((started) => {
      void new Children(entries).worker(signal, async (client) => {
        worker = client;
        await new Promise<void>((ended) => {
          endWorker = ended;
          started();
        });
      });
    });
  });
  afterAll(() => endWorker());

  /** The same on both providers. */
  async function both<T>(run: (provider: GraphProvider) => Promise<T>): Promise<{ cpu: T; webgpu: T }> {
    const [cpu, webgpu] = [await run(providers[0]), await run(providers[1])];
    return { cpu, webgpu };
  }

  const twoWindows = (name: string): Int32Array[] => goldenTokens(name).slice(0, 2);

  test.each(tinyModels)('%s: two output layers side by side, NLL of every token', async (name) => {
    const model = tinyModel(name);
    const found = await both((provider) =>
      worker.compareBlocks({
        ...{ reference: model, candidate: model, windows: twoWindows(name), scratch: place(), threads: 1, provider },
      }),
    );
    for (const [index, { referenceNll, candidateNll, kld, sameTop }] of found.webgpu.windows.entries()) {
      const expected = found.cpu.windows[index]!;
      expect(furthest(candidateNll, expected.candidateNll)).toBeLessThan(1e-3);
      expect(furthest(referenceNll!, expected.candidateNll)).toBeLessThan(1e-3);
      expect(largest(kld!)).toBeLessThan(1e-4);
      expect(sameTop!.every((same) => same === 1)).toBe(true);
    }
  });

  // Statistics of an RMSNorm family, one whose heads are normed, one with sums behind LayerNorms, one with parallel blocks.
  test.each(['llama-gqa', 'qwen3', 'opt', 'phi'].filter((name) => tinyModels.includes(name)))(
    '%s: Grams, column squares and spectra of a calibration',
    async (name) => {
      const found = await both(async (provider) => {
        const made = place();
        mkdirSync(made);
        const common = { source: tinyModel(name), windows: twoWindows(name), provider, threads: 1, spectra: true };
        await worker.blockStatistics({ ...common, folder: made, fingerprint: provider, datasets: [] });
        const files = statisticsFiles(made);
        return { ...(await readGram(files.gram)), importance: await importanceOf(files.importance) };
      });
      expect(share(found.webgpu.gram, found.cpu.gram)).toBeLessThan(1e-5);
      expect(share(found.webgpu.spectra!, found.cpu.spectra!)).toBeLessThan(1e-5);
      expect(found.webgpu.importance.length).toBe(found.cpu.importance.length);
      for (const [index, values] of found.webgpu.importance.entries()) {
        expect(share(values, found.cpu.importance[index]!)).toBeLessThan(1e-5);
      }
    },
  );

  test.each(['llama-gqa', 'opt', 'phi'].filter((name) => tinyModels.includes(name)))(
    '%s: sliced block by block, and the slice run and told in trees of tokens',
    async (name) => {
      const schedule = { scheduler: 'constant', sparsity: 0.25, round: 8, sliceHead: false } as const;
      const slices = await both(async (provider) => {
        const output = place();
        const params = { windows: twoWindows(name), schedule, output, checkpoints: place(), type: 'F32' as const };
        const options = { ...params, tokenizerFrom: null, threads: 1, provider, eigenvalues: true };
        return { ...(await worker.slicePerBlock({ source: tinyModel(name), ...options })), output };
      });
      for (const [index, { values }] of slices.webgpu.eigenvalues!.entries()) {
        expect(share(values, slices.cpu.eigenvalues![index]!.values)).toBeLessThan(1e-5);
      }
      const model = slices.cpu.output;
      const [tokens] = twoWindows(name);
      const positions = [0, 7, tokens!.length - 1];
      const rows = await both((provider) =>
        worker.blockLogProbs({ model, tokens: tokens!, positions, threads: 1, provider }),
      );
      expect(furthest(rows.webgpu.logProbs, rows.cpu.logProbs)).toBeLessThan(1e-3);
      const items = [2, 5].map((length) => ({
        ...{ context: tokens!.subarray(0, 9), continuation: tokens!.subarray(9, 9 + length) },
      }));
      const scores = await both((provider) =>
        worker.scoreBlocks({ model, items, scratch: place(), threads: 1, provider }),
      );
      expect(furthest(scores.webgpu.logLikelihoods, scores.cpu.logLikelihoods)).toBeLessThan(1e-3);
    },
  );

  // Whole heads that rotate, a share of each, a table of positions.
  test.each(['llama-gqa', 'phi', 'opt'].filter((name) => tinyModels.includes(name)))(
    '%s: exported with its cache, greedy tokens and a timing',
    async (name) => {
      const output = `${place()}.onnx`;
      const form = { form: 'onnx', type: 'F32', force: false, tokenizerFrom: null, slicing: null } as const;
      await worker.exportModel({ source: tinyModel(name), output, ...form });
      const prompt = twoWindows(name)[0]!.subarray(0, 12);
      const common = { model: output, prompt, maxTokens: 6, stopIds: [], temperature: 0, topK: null, seed: 0 };
      const texts = await both((provider) => worker.generate({ ...common, threads: 1, provider }));
      expect([...texts.webgpu.ids]).toEqual([...texts.cpu.ids]);
      const evaluated = await both((provider) =>
        worker.compareLogits({
          ...{ reference: tinyModel(name), candidate: output, windows: twoWindows(name).slice(0, 1), scratch: place() },
          ...{ threads: 1, provider },
        }),
      );
      const [there, here] = [evaluated.webgpu.windows[0]!, evaluated.cpu.windows[0]!];
      expect(furthest(there.candidateNll, here.candidateNll)).toBeLessThan(1e-3);
      expect(furthest(there.referenceNll!, here.referenceNll!)).toBeLessThan(1e-3);
      const timing = { model: output, batch: 2, promptTokens: 8, decodeTokens: 2, seed: 0, threads: 1 };
      expect((await worker.timeModel({ ...timing, provider: 'webgpu' })).decodeSeconds).toBeGreaterThan(0);
    },
  );

  test('a rotation changes nothing there either', async () => {
    const found = await worker.invariance({
      ...{ source: tinyModel('seed_oss'), windows: twoWindows('seed_oss'), threads: 1, provider: 'webgpu' },
    });
    expect(found.passed).toBe(true);
  });

  test('an F16 model is refused where the adapter has no F16', async () => {
    const output = `${place()}.onnx`;
    const form = { form: 'onnx', type: 'F16', force: false, tokenizerFrom: null, slicing: null } as const;
    await worker.exportModel({ source: tinyModel('seed_oss'), output, ...form });
    const common = { model: output, prompt: Int32Array.of(1, 2), maxTokens: 1, stopIds: [], temperature: 0 };
    await expect(
      worker.generate({ ...common, topK: null, seed: 0, threads: 1, provider: 'webgpu' }),
    ).rejects.toMatchObject({ code: 'DEVICE_UNAVAILABLE' });
  });

  test('a job that names webgpu runs there, and one that names nothing does not', async () => {
    const engine = await startEngine();
    const evaluation = { windows: 1, window: 32, engine: 'onnx' };
    const evaluate = { verb: 'evaluate', model: sampleModel, ...quick, evaluation };
    const there = resultOf(await engine.run({ ...evaluate, device: 'webgpu' }), 'evaluate');
    const here = resultOf(await engine.run(evaluate), 'evaluate');
    expect([there.device, here.device]).toEqual(['webgpu', 'cpu']);
    expect(Math.abs(Math.log(there.compressed.perplexity / here.compressed.perplexity))).toBeLessThan(1e-4);
  });
});

/** Sums of every tensor, in the order of the file. */
async function importanceOf(file: string): Promise<Float32Array[]> {
  const opened = await openImportance(file);
  try {
    return await Promise.all(opened.names.map(async (name) => (await opened.read(name)).means));
  } finally {
    await opened.close();
  }
}
