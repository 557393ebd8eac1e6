// Figures of files without their weights against real loads of the real files: equal to the byte.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { llamaSettings, type KvType, type MemoryPart } from '../../src-main/contract/llama-host-api.ts';
import { sizeSettings } from '../../src-main/llama-host/native/checks.ts';
import { openEngine } from '../../src-main/llama-host/native/engine.ts';
import { quantizeReference } from '../../src-main/llama-host/native/quantize-reference.ts';
import { architectures, realModel, sampleModel } from '../support/paths.ts';
import { caller, defaults, failureOf, handlers, temporaryFolder } from './host.ts';

const folder = temporaryFolder();
const contexts = [512, 2048, 8192];
const types: KvType[] = ['f16', 'q8_0', 'q4_0'];

function requestsFor(header: string) {
  return contexts.flatMap((context) =>
    types.map((type) => ({
      header,
      context,
      microBatch: 512,
      settings: llamaSettings.parse({ threads: 1, kvTypeK: type, kvTypeV: type }),
    })),
  );
}

/** The same figures from contexts on fully loaded weights. */
function loadedFigures(file: string): Promise<MemoryPart[][]> {
  const requests = requestsFor(file).map(({ settings, ...rest }) => ({ ...rest, ...sizeSettings(settings) }));
  return openEngine().addon.memory({ requests, loadWeights: true }, { cancel: new Int32Array(1) });
}

/** A copy of `file` that ends after `bytes`. */
function cut(file: string, bytes: number): string {
  const copy = path.join(folder, `cut-${path.basename(file)}`);
  writeFileSync(copy, readFileSync(file).subarray(0, bytes));
  return copy;
}

const files = [
  sampleModel,
  realModel,
  ...['qwen3moe', 'qwen35moe', 'gpt-oss', 'deepseek2'].map(
    (name) => architectures && path.join(architectures, `${name}.gguf`),
  ),
].filter((file) => file !== null && existsSync(file)) as string[];

describe.skipIf(process.platform === 'win32')('memory', () => {
  test.each(files)('%s: headers alone give what a real load has', async (file) => {
    const expected = await loadedFigures(file);
    expect((await handlers.memory({ requests: requestsFor(file) }, caller())).results).toEqual(expected);
    const header = cut(file, file === realModel ? 3_000_000 : 1_000_000);
    expect((await handlers.memory({ requests: requestsFor(header) }, caller())).results).toEqual(expected);
  });

  test('repacked weights are told apart, as a real load has them', async () => {
    const file = path.join(folder, 'q4_0.gguf');
    await quantizeReference({ input: sampleModel, output: file, mix: 'Q4_0' });
    const expected = await loadedFigures(file);
    const { results } = await handlers.memory({ requests: requestsFor(cut(file, 500_000)) }, caller());
    expect(results).toEqual(expected);
  });

  test.skipIf(!realModel)('SmolLM2 has the cache bytes of the formula', async () => {
    const settings = (type: KvType) => llamaSettings.parse({ kvTypeK: type, kvTypeV: type });
    const requests = (['f16', 'q8_0'] as const).map((type) => ({
      header: realModel!,
      context: 8192,
      microBatch: 512,
      settings: settings(type),
    }));
    const { results } = await handlers.memory({ requests }, caller());
    const total = (parts: MemoryPart[], key: 'modelBytes' | 'contextBytes' | 'computeBytes'): number =>
      parts.reduce((sum, part) => sum + part[key], 0);
    expect(total(results[0]!, 'modelBytes')).toBe(96_576_768);
    expect(total(results[0]!, 'contextBytes')).toBe(188_743_680);
    expect(total(results[1]!, 'contextBytes')).toBe(100_270_080);
    expect(results[0]!.every(({ device, kind }) => device === 'CPU' && kind === 'cpu')).toBe(true);
  });

  test.skipIf(!architectures)('experts kept in system memory are the same bytes where there is no GPU', async () => {
    const header = path.join(architectures!, 'qwen3moe.gguf');
    const request = (cpuExpertLayers: number) => ({
      header,
      context: 512,
      microBatch: 512,
      settings: { ...defaults, cpuExpertLayers },
    });
    const { results } = await handlers.memory({ requests: [request(0), request(2)] }, caller());
    expect(results[1]).toEqual(results[0]);
  });

  test('results keep the order of requests', async () => {
    const order = [4096, 512, 2048, 1024];
    const headers = [sampleModel, cut(sampleModel, 1_000_000)];
    const requests = order.flatMap((context) =>
      headers.map((header) => ({ header, context, microBatch: 512, settings: defaults })),
    );
    const { results } = await handlers.memory({ requests }, caller());
    const bytesPerToken = 6 * 2 * 4 * 32 * 2; // layers, K and V, heads, width, f16
    const cache = results.map((parts) => parts.reduce((sum, part) => sum + part.contextBytes, 0) / bytesPerToken);
    expect(cache).toEqual(order.flatMap((context) => [context, context]));
  });

  test('no request is no work; a context of nothing is USAGE; a type that does not divide is the reason', async () => {
    expect(await handlers.memory({ requests: [] }, caller())).toEqual({ results: [] });
    const request = { header: sampleModel, context: 0, microBatch: 512, settings: defaults };
    expect((await failureOf(() => handlers.memory({ requests: [request] }, caller()))).code).toBe('USAGE');
    const text = path.join(folder, 'text.gguf');
    writeFileSync(text, 'GGUF');
    const error = await failureOf(() =>
      handlers.memory({ requests: [{ ...request, header: text, context: 512 }] }, caller()),
    );
    expect(error).toMatchObject({ code: 'LLAMA_FAILED', message: expect.stringContaining(text) });
  });
});
