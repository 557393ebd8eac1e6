// Seconds, memory and disk of stages, held against sums by hand.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { estimate, learn, plainSeconds, type Machine } from '../../../src-main/core/planning/estimate.ts';
import {
  convertWork,
  evaluateWork,
  perBlockSliceWork,
  quantizeWork,
  sharedSliceWork,
  statisticsWork,
  weightsOf,
  type ModelSize,
  type StageWork,
} from '../../../src-main/core/planning/stage-work.ts';

const machine: Machine = {
  rates: {
    threads: 4,
    operationsPerSecond: 1e9,
    weightsPerSecond: { legacy: 1e6, k: 1e5, iq: 1e4 },
    writeBytesPerSecond: 1e6,
    readBytesPerSecond: 2e6,
  },
  learned: {},
  startSeconds: 0.5,
};

const model: ModelSize = {
  bytes: 5000,
  parameters: 2500,
  blockParameters: 1000,
  hiddenSize: 10,
  layers: 2,
  vocabSize: 50,
  largestTensor: 500,
};
const text = { tokens: 100, window: 20 };

describe('a stage', () => {
  it('takes what its parts take, of which arithmetic goes by the threads', () => {
    const work: StageWork = {
      stage: 'any',
      operations: 2e9, // 2 s
      weights: { legacy: 1e6, k: 1e5, iq: 1e4 }, // 3 s
      readBytes: 4e6, // 2 s
      writeBytes: 1e6, // 1 s
      hashBytes: 1e9, // 1 s
      processes: 2, // 1 s
      memoryBytes: 1,
    };
    expect(plainSeconds(work, machine, 4)).toBeCloseTo(10, 9);
    expect(plainSeconds(work, machine, 1)).toBeCloseTo(5 * 4 + 5, 9);
    expect(plainSeconds(work, machine, 64)).toBeCloseTo(10, 9);
  });

  it('of statistics counts the forward pass, Grams and spectra', () => {
    // Blocks: 100 · (2·1000 + 4·2·10·20), twice for onnxruntime. 5 sites: 100·10² for half a Gram, 10 · 4/3·10³ of spectra.
    const { operations, scratchBytes } = statisticsWork(model, text);
    expect(operations).toBeCloseTo(2 * 360_000 + 5 * (10_000 + 40_000 / 3), 6);
    expect(scratchBytes).toBe(2 * 100 * 10 * 4 + 3 * 8 * 100);
  });

  it('of slices counts eigenproblems and turned weights', () => {
    const file = { bytes: 100, weights: {} };
    // 9·D³ at a tenth of the rate, 2·P·D at half of it.
    expect(sharedSliceWork(model, file).operations).toBe(10 * 9 * 1000 + 2 * 2 * 2500 * 10);
    expect(perBlockSliceWork(model, { text, bytes: 100 }).operations).toBe(
      2 * 360_000 + 5 * (2 * 10_000 + 90_000) + 2 * 4 * 2500 * 10,
    );
  });

  it('of a comparison runs both models, and expands for llama.cpp alone', () => {
    // With its head a pass is 360,000 + 2·100·10·50.
    const both = { models: [model, model], text, expanded: 7000 };
    expect(evaluateWork({ ...both, engine: 'onnx' }).operations).toBe(2 * 2 * 460_000);
    expect(evaluateWork({ ...both, engine: 'onnx' }).scratchBytes).toBe(0);
    expect(evaluateWork({ ...both, engine: 'llama.cpp' }).scratchBytes).toBe(14_000);
  });

  it('tells weights by the speed of their kernels', () => {
    const tensors = [
      { name: 'a', type: 'F32', shape: [10] },
      { name: 'b', type: 'Q4_K', shape: [256, 2] },
      { name: 'c', type: 'IQ3_S', shape: [256] },
      { name: 'd', type: 'Q8_0', shape: [32] },
    ];
    expect(weightsOf(tensors)).toEqual({ legacy: 42, k: 512, iq: 256 });
  });
});

describe('a job', () => {
  it('needs the disk of what it keeps and of its largest stage, the memory of its largest', () => {
    const works: StageWork[] = [
      { stage: 'a', memoryBytes: 5, keptBytes: 100 },
      { stage: 'b', memoryBytes: 9, scratchBytes: 50 },
      { stage: 'c', memoryBytes: 7, scratchBytes: 20, keptBytes: 10 },
    ];
    expect(estimate(works, machine, 4)).toMatchObject({ scratchBytes: 150, peakMemoryBytes: 9 });
  });

  it('never takes less for more', () => {
    const size = fc.integer({ min: 1, max: 100_000 });
    fc.assert(
      fc.property(fc.record({ P: size, D: size, L: size, V: size, tokens: size }), size, (facts, more) => {
        const all = (f: typeof facts) => {
          const m = { ...model, parameters: f.P, blockParameters: f.P, bytes: 2 * f.P, hiddenSize: f.D };
          const sized = { ...m, layers: f.L, vocabSize: f.V, largestTensor: f.P };
          const words = { tokens: f.tokens, window: 16 };
          const file = { bytes: f.P, weights: { k: f.P } };
          const works = [convertWork(sized), statisticsWork(sized, words), sharedSliceWork(sized, file)];
          works.push(perBlockSliceWork(sized, { text: words, bytes: f.P }), quantizeWork(sized, file));
          return estimate(works, machine, 4);
        };
        const base = all(facts);
        for (const key of ['P', 'D', 'V', 'tokens'] as const) {
          const grown = all({ ...facts, [key]: facts[key] + more });
          expect(grown.seconds.likely).toBeGreaterThanOrEqual(base.seconds.likely);
          expect(grown.peakMemoryBytes).toBeGreaterThanOrEqual(base.peakMemoryBytes);
          expect(grown.scratchBytes).toBeGreaterThanOrEqual(base.scratchBytes);
        }
      }),
    );
  });
});

describe('what jobs took', () => {
  const work = (operations: number): StageWork[] => [
    { stage: 'slice', kind: 'slice shared', operations, memoryBytes: 1 },
  ];
  const first = estimate(work(10e9), machine, 4); // 10 s
  const learned = learn({}, first, { slice: 40, prove: 3 });

  it('is kept by the kind of stage, and an older job fades', () => {
    expect(learned).toEqual({ 'slice shared': { expected: 10, actual: 40 } });
    expect(learn(learned, first, { slice: 10 })).toEqual({ 'slice shared': { expected: 17, actual: 38 } });
    expect(learn(learned, first, {})).toEqual(learned);
  });

  it('corrects the next estimate and narrows it', () => {
    expect(first.seconds).toEqual({ low: 10 / 3, likely: 10, high: 30 });
    const next = estimate(work(10e9), { ...machine, learned }, 4);
    expect(next.seconds.likely).toBeCloseTo(10 * 4 ** (1 / 1.1), 9);
    expect(next.seconds.high / next.seconds.low).toBeLessThan(9 / 2);
    expect(next.plain).toEqual(first.plain);
  });

  it('says little of a stage that is a hundred times as long', () => {
    const { likely } = estimate(work(1000e9), { ...machine, learned }, 4).seconds;
    expect(likely).toBeCloseTo(1000 * 4 ** (10 / 110), 6);
  });
});
