// llama.cpp through this room against references that were made without it (golden/architectures, golden/gguf).
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { StatisticsEntry } from '../../src-main/contract/llama-host-api.ts';
import { architectures, fixtures } from '../support/paths.ts';
import { caller, exact, goldenRows, handlers, mean, plainCaller, readJson, temporaryFolder } from './host.ts';

interface MeanSquares {
  count: number;
  sum: number;
  first_8: number[];
}

interface Qwen3Moe {
  nll: number;
  last_log_probs_first_16: number[];
  mean_squares: Record<string, MeanSquares | Record<string, MeanSquares>>;
}

describe.skipIf(!architectures)('golden/architectures', () => {
  const folder = temporaryFolder();
  const file = (name: string): string => path.join(architectures!, name);

  // All but the first have weights in F16, for which llama.cpp rounds the activations too. Their references are llama.cpp's
  // own on AVX-512; its kernels for AVX2 sum in another order: 1.6e-5 (gpt-oss) and 4.5e-5 (deepseek2) apart.
  test.each([
    ['qwen3moe', 1e-5],
    ['qwen35moe', 2e-4],
    ['gpt-oss', 2e-4],
    ['deepseek2', 2e-4],
  ])('NLL of %s', async (name, tolerance) => {
    const expected = readJson<Record<string, number>>(file('nll.json'))[name]!;
    const candidate = file(`${name}.gguf`);
    const found = await handlers.compare(
      { reference: null, candidate, windows: goldenRows(), settings: exact },
      caller(),
    );
    const nll = mean(found.windows.flatMap((window) => [...window.candidateNll]));
    expect(Math.abs(nll - expected)).toBeLessThan(tolerance);
    expect(found.windows[0]).toMatchObject({ referenceNll: null, kld: null, sameTop: null });
    expect(found.device).toBe('cpu');
  });

  describe('qwen3moe against NumPy', () => {
    const model = architectures === null ? '' : file('qwen3moe.gguf');
    const reference = architectures === null ? null : readJson<Qwen3Moe>(file('qwen3moe.json'));
    let entries: StatisticsEntry[] = [];
    let values = new Float32Array();

    beforeAll(async () => {
      const output = path.join(folder, 'statistics.bin');
      const told = caller();
      const found = await handlers.statistics({ model, windows: goldenRows(), output, settings: exact }, told);
      entries = found.entries;
      values = new Float32Array(new Uint8Array(readFileSync(output)).buffer);
      expect(found.tokens).toBe(512);
      expect(told.told.at(-1)).toMatchObject({ stage: 'calibrate', done: 512, total: 512, unit: 'tokens' });
    });

    test('NLL and log-probabilities', async () => {
      const rows = goldenRows();
      const { windows } = await handlers.compare(
        { reference: null, candidate: model, windows: rows, settings: exact },
        caller(),
      );
      expect(mean(windows.flatMap((window) => [...window.candidateNll]))).toBeCloseTo(reference!.nll, 6);
      const { logProbs, vocabSize } = await handlers.logProbs(
        { model, tokens: rows[1]!, positions: [255], settings: exact },
        plainCaller,
      );
      expect(vocabSize).toBe(4096);
      reference!.last_log_probs_first_16.forEach((expected, id) =>
        expect(Math.abs(logProbs[id]! - expected)).toBeLessThan(1e-4),
      );
    });

    test('mean squares and counts of every weight that the reference has', () => {
      let worst = 0;
      for (const [name, stored] of Object.entries(reference!.mean_squares)) {
        const entry = entries.find((candidate) => candidate.name === name)!;
        const slices = 'count' in stored ? [stored as MeanSquares] : Object.values(stored);
        expect(entry.slices).toBe(slices.length);
        slices.forEach((expected, slice) => {
          const count = values[entry.offset + entry.slices * entry.columns + slice]!;
          expect(count).toBe(expected.count);
          const sums = values.subarray(
            entry.offset + slice * entry.columns,
            entry.offset + (slice + 1) * entry.columns,
          );
          const found = [sums.reduce((sum, value) => sum + value, 0), ...sums.subarray(0, 8)].map(
            (value) => value / count,
          );
          [expected.sum, ...expected.first_8].forEach(
            (value, i) => (worst = Math.max(worst, Math.abs(found[i]! / value - 1))),
          );
        });
      }
      expect(worst).toBeLessThan(1e-5);
    });

    test('the file holds the entries without gaps', () => {
      let offset = 0;
      for (const entry of entries) {
        expect(entry.offset).toBe(offset);
        offset += entry.slices * (entry.columns + 1);
      }
      expect(values.length).toBe(offset);
      expect(new Set(entries.map(({ name }) => name)).size).toBe(entries.length);
    });
  });

  test('every matrix of every architecture is seen once, MLA in slices', async () => {
    const named = async (name: string): Promise<StatisticsEntry[]> =>
      (
        await handlers.statistics(
          { model: file(name), windows: goldenRows(), output: path.join(folder, 'any.bin'), settings: exact },
          caller(),
        )
      ).entries;
    const mla = await named('deepseek2.gguf');
    expect(mla.find(({ name }) => name === 'blk.0.attn_k_b.weight')!.slices).toBeGreaterThan(1);
    const gatedDelta = (await named('qwen35moe.gguf')).map(({ name }) => name);
    expect(gatedDelta).toEqual(
      expect.arrayContaining([
        'blk.0.ssm_out.weight',
        'blk.1.attn_q.weight',
        'blk.0.ffn_down_shexp.weight',
        'blk.1.ffn_down_exps.weight',
      ]),
    );
    const gptOss = await named('gpt-oss.gguf');
    expect(gptOss.find(({ name }) => name === 'blk.0.ffn_down_exps.weight')).toMatchObject({ slices: 4 });
  });
});

const denseTokens = architectures === null ? null : path.resolve(architectures, '../models');

describe.skipIf(!denseTokens)('golden/gguf', () => {
  const stored = new Uint8Array(readFileSync(path.join(fixtures, 'gguf/logits.safetensors')));
  const headerLength = Number(new DataView(stored.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(stored.subarray(8, 8 + headerLength))) as Record<
    string,
    { shape: number[]; data_offsets: [number, number] }
  >;
  const reference = readJson<Record<string, { nll: number }>>(path.join(fixtures, 'gguf/reference.json'));

  test.each([
    ['llama-gqa-f32', 'llama-gqa'],
    ['llama3-rope-f32', 'llama3-rope'],
  ])('%s: log-probabilities and NLL', async (name, folder) => {
    const model = path.join(fixtures, `gguf/${name}.gguf`);
    const rows = readJson<{ input_ids: number[][] }>(
      path.join(denseTokens!, folder, 'input.tokens.json'),
    ).input_ids.map((row) => Int32Array.from(row));
    const { shape, data_offsets } = header[`${name}.logits`]!;
    const logits = new Float64Array(
      stored.slice(8 + headerLength + data_offsets[0], 8 + headerLength + data_offsets[1]).buffer,
    );
    const [, last, vocab] = shape as [number, number, number];
    let worst = 0;
    for (const row of [0, 1]) {
      const tokens = rows[row]!;
      const positions = Array.from({ length: last }, (_, i) => tokens.length - last + i);
      const { logProbs } = await handlers.logProbs({ model, tokens, positions, settings: exact }, plainCaller);
      for (let i = 0; i < last; i += 1) {
        const expected = logits.subarray((row * last + i) * vocab, (row * last + i + 1) * vocab);
        const top = Math.max(...expected);
        const logSum = top + Math.log(expected.reduce((sum, value) => sum + Math.exp(value - top), 0));
        for (let id = 0; id < vocab; id += 1)
          worst = Math.max(worst, Math.abs(logProbs[i * vocab + id]! - (expected[id]! - logSum)));
      }
    }
    expect(worst).toBeLessThan(1e-3);
    const { windows } = await handlers.compare(
      { reference: null, candidate: model, windows: rows, settings: exact },
      caller(),
    );
    expect(
      Math.abs(mean(windows.flatMap((window) => [...window.candidateNll])) - reference[`${name}.gguf`]!.nll),
    ).toBeLessThan(1e-5);
  });
});
