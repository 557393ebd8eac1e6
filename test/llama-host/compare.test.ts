// compare and scoreContinuations against plain arithmetic on log-probabilities, and their bad inputs.
import { copyFileSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { exactSettings, llamaSettings } from '../../src-main/contract/llama-host-api.ts';
import { quantizeReference } from '../../src-main/llama-host/native/quantize-reference.ts';
import { fixtures, sampleModel } from '../support/paths.ts';
import { caller, defaults, exact, failureOf, handlers, plainCaller, someTokens, temporaryFolder } from './host.ts';

const folder = temporaryFolder();
const quantized = path.join(folder, 'sample.Q4_K_M.gguf');
const small = path.join(fixtures, 'gguf/llama-gqa-f32.gguf');

beforeAll(async () => {
  await quantizeReference({ input: sampleModel, output: quantized, mix: 'Q4_K_M' });
});

/** Per token figures of one window, from whole rows of log-probabilities in float64. */
async function naiveComparison(window: Int32Array): Promise<{ nll: number; kld: number; sameTop: number }[]> {
  const positions = Array.from({ length: window.length - 1 }, (_, i) => i);
  const rows = async (model: string): Promise<Float32Array> =>
    (await handlers.logProbs({ model, tokens: window, positions, settings: exact }, plainCaller)).logProbs;
  const [reference, candidate] = [await rows(sampleModel), await rows(quantized)];
  const vocab = reference.length / positions.length;
  return positions.map((position) => {
    const p = reference.subarray(position * vocab, (position + 1) * vocab);
    const q = candidate.subarray(position * vocab, (position + 1) * vocab);
    const kld = p.reduce((sum, value, id) => sum + Math.exp(value) * (value - q[id]!), 0);
    const top = (row: Float32Array): number => row.indexOf(Math.max(...row));
    return { nll: -q[window[position + 1]!]!, kld, sameTop: top(p) === top(q) ? 1 : 0 };
  });
}

describe('compare', () => {
  test('gives the figures of plain arithmetic, over pieces and odd lengths', async () => {
    for (const length of [2, 129, 200]) {
      const window = someTokens(length);
      const { windows, peakMemoryBytes } = await handlers.compare(
        { reference: sampleModel, candidate: quantized, windows: [window], settings: exact },
        caller(),
      );
      const found = windows[0]!;
      const expected = await naiveComparison(window);
      expect(found.kld).toHaveLength(length - 1);
      expected.forEach(({ nll, kld, sameTop }, i) => {
        expect(Math.abs(found.candidateNll[i]! - nll)).toBeLessThan(2e-6 * Math.max(1, nll));
        expect(Math.abs(found.kld![i]! - kld)).toBeLessThan(2e-6);
        expect(found.sameTop![i]).toBe(sameTop);
      });
      expect(peakMemoryBytes).toBeGreaterThan(2e7);
    }
  });

  test('a model against itself has no divergence, whatever the threads', async () => {
    const windows = [someTokens(140), someTokens(50, 2)];
    for (const threads of [1, 2]) {
      const settings = llamaSettings.parse({ ...exactSettings, threads });
      const found = await handlers.compare(
        { reference: sampleModel, candidate: sampleModel, windows, settings },
        caller(),
      );
      for (const window of found.windows) {
        expect(window.referenceNll).toEqual(window.candidateNll);
        expect(Math.max(...window.kld!.map(Math.abs))).toBeLessThan(1e-9);
        expect(Math.min(...window.sameTop!)).toBe(1);
      }
    }
  });

  test('windows do not see each other', async () => {
    const [first, second] = [someTokens(140), someTokens(60, 5)];
    const both = await handlers.compare(
      { reference: null, candidate: sampleModel, windows: [first, second], settings: exact },
      caller(),
    );
    const alone = await handlers.compare(
      { reference: null, candidate: sampleModel, windows: [second], settings: exact },
      caller(),
    );
    expect(both.windows[1]!.candidateNll).toEqual(alone.windows[0]!.candidateNll);
  });

  test('reports tokens, rate and the last value', async () => {
    const told = caller();
    await handlers.compare(
      { reference: null, candidate: sampleModel, windows: [someTokens(256)], settings: defaults },
      told,
    );
    expect(told.told.at(-1)).toMatchObject({
      stage: 'evaluate',
      done: 256,
      total: 256,
      unit: 'tokens',
      secondsLeft: 0,
    });
  });

  test('a cancel before and while it runs ends it within two seconds', async () => {
    const controller = new AbortController();
    const windows = Array.from({ length: 400 }, (_, i) => someTokens(256, i));
    const running = failureOf(() =>
      handlers.compare(
        { reference: sampleModel, candidate: quantized, windows, settings: exact },
        caller(controller.signal),
      ),
    );
    const waiting = failureOf(() =>
      handlers.compare(
        { reference: null, candidate: sampleModel, windows, settings: exact },
        caller(controller.signal),
      ),
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    const started = performance.now();
    controller.abort();
    expect(await running).toMatchObject({ code: 'CANCELLED' });
    expect(await waiting).toMatchObject({ code: 'CANCELLED' });
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe('bad inputs', () => {
  test.each([
    ['no window', [], /no window/],
    ['a window of one token', [someTokens(1)], /Window 0 has 1 tokens/],
  ])('%s is USAGE', async (_, windows, message) => {
    const error = await failureOf(() =>
      handlers.compare({ reference: null, candidate: sampleModel, windows, settings: defaults }, caller()),
    );
    expect(error).toMatchObject({ code: 'USAGE', message: expect.stringMatching(message) });
  });

  test('a token that the vocabulary does not have is LLAMA_FAILED with the reason', async () => {
    const error = await failureOf(() =>
      handlers.compare(
        { reference: null, candidate: sampleModel, windows: [Int32Array.of(1, 5000, 3)], settings: defaults },
        caller(),
      ),
    );
    expect(error).toMatchObject({ code: 'LLAMA_FAILED', message: expect.stringContaining('5000') });
  });

  test('models with other vocabularies are LLAMA_FAILED', async () => {
    const error = await failureOf(() =>
      handlers.compare(
        { reference: sampleModel, candidate: small, windows: [someTokens(8)], settings: defaults },
        caller(),
      ),
    );
    expect(error).toMatchObject({ code: 'LLAMA_FAILED', message: expect.stringContaining('vocabularies differ') });
  });

  test('a file that is not there is FILE_NOT_FOUND, one that is no model is LLAMA_FAILED with the log', async () => {
    const missing = await failureOf(() => handlers.describe({ model: '/nowhere.gguf' }, plainCaller));
    expect(missing.code).toBe('FILE_NOT_FOUND');
    const text = path.join(folder, 'text.gguf');
    writeFileSync(text, 'this is no model');
    const wrong = await failureOf(() => handlers.describe({ model: text }, plainCaller));
    expect(wrong).toMatchObject({
      code: 'LLAMA_FAILED',
      details: { model: text, log: expect.stringContaining('invalid magic') },
    });
    expect(wrong.message).toContain('llama.cpp says: invalid magic');
  });

  test('NaN in the weights is NON_FINITE, never a perplexity', async () => {
    const broken = path.join(folder, 'nan.gguf');
    copyFileSync(small, broken);
    const { tensors } = JSON.parse(readFileSync(path.join(fixtures, 'gguf/reference.json'), 'utf8'))[
      'llama-gqa-f32.gguf'
    ] as {
      tensors: Record<string, { offset_in_file: number }>;
    };
    writeSync(
      openSync(broken, 'r+'),
      Buffer.from(Float32Array.of(NaN).buffer),
      0,
      4,
      tensors['output_norm.weight']!.offset_in_file,
    );
    const windows = [Int32Array.of(1, 2, 3, 4)];
    const compared = await failureOf(() =>
      handlers.compare({ reference: small, candidate: broken, windows, settings: exact }, caller()),
    );
    expect(compared).toMatchObject({ code: 'NON_FINITE', details: { file: broken, window: 0, token: 1 } });
    const counted = await failureOf(() =>
      handlers.statistics({ model: broken, windows, output: path.join(folder, 'nan.bin'), settings: exact }, caller()),
    );
    expect(counted).toMatchObject({ code: 'NON_FINITE', details: { tensor: 'output.weight' } });
  });

  test('a quantised V cache without flash attention is USAGE', async () => {
    const settings = llamaSettings.parse({ threads: 1, kvTypeV: 'q8_0', flashAttention: 'off' });
    const error = await failureOf(() =>
      handlers.compare({ reference: null, candidate: sampleModel, windows: [someTokens(4)], settings }, caller()),
    );
    expect(error).toMatchObject({ code: 'USAGE', message: expect.stringContaining('flash attention') });
  });
});

describe('scoreContinuations', () => {
  const question = someTokens(150);
  const answers = [someTokens(3, 7), someTokens(1, 8), someTokens(140, 9), someTokens(3, 7)];
  const items = [
    ...answers.map((continuation) => ({ context: question, continuation })),
    { context: someTokens(1, 4), continuation: someTokens(5, 11) },
  ];

  test('sums what logProbs gives, with the shared beginning decoded once', async () => {
    const { logLikelihoods, tokens } = await handlers.scoreContinuations(
      { model: sampleModel, items, settings: exact },
      caller(),
    );
    for (const [index, { context, continuation }] of items.entries()) {
      const all = Int32Array.of(...context, ...continuation);
      const positions = Array.from(continuation, (_, i) => context.length - 1 + i);
      const { logProbs, vocabSize } = await handlers.logProbs(
        { model: sampleModel, tokens: all, positions, settings: exact },
        plainCaller,
      );
      const expected = positions.reduce((sum, _, i) => sum + logProbs[i * vocabSize + continuation[i]!]!, 0);
      expect(Math.abs(logLikelihoods[index]! - expected)).toBeLessThan(1e-3);
    }
    expect(tokens).toBe(152 + 1 + 140 + 3 + 5);
  });

  test('an empty context or continuation is USAGE', async () => {
    const empty = [{ context: new Int32Array(), continuation: someTokens(2) }];
    const error = await failureOf(() =>
      handlers.scoreContinuations({ model: sampleModel, items: empty, settings: defaults }, caller()),
    );
    expect(error.code).toBe('USAGE');
  });
});

test('logProbs refuses positions outside the window', async () => {
  for (const positions of [[], [4], [-1]]) {
    const error = await failureOf(() =>
      handlers.logProbs({ model: sampleModel, tokens: someTokens(4), positions, settings: defaults }, plainCaller),
    );
    expect(error.code).toBe('USAGE');
  }
});

test('generate writes the same text again, as its progress, and stops at the count', async () => {
  const params = { model: sampleModel, prompt: 'The president of the United States', tokens: 12, settings: exact };
  const told = caller();
  const first = await handlers.generate(params, told);
  const second = await handlers.generate(params, caller());
  expect(first.tokens).toBe(12);
  expect(first.text.length).toBeGreaterThan(10);
  expect(second.text).toBe(first.text);
  expect(told.told.at(-1)).toMatchObject({ stage: 'generate', done: 12, detail: first.text });
});

test('generate draws by its seed above temperature 0, and says what it took', async () => {
  const params = { model: sampleModel, prompt: 'Once upon a time', tokens: 16, settings: defaults };
  const drawn = async (seed: number): Promise<string> =>
    (await handlers.generate({ ...params, temperature: 1.5, seed }, caller())).text;
  const first = await drawn(1);
  expect(await drawn(1)).toBe(first);
  expect(await drawn(2)).not.toBe(first);
  const greedy = await handlers.generate(params, caller());
  expect(greedy).toMatchObject({ endedBy: 'limit', device: 'cpu' });
  expect(greedy.promptTokens).toBeGreaterThan(3);
  expect(greedy.decodeSeconds).toBeGreaterThan(0);
});
