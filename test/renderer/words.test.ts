// @vitest-environment node
// What the window says: targets as typed, plans against their limit, the bar's geometry, numbers and errors in words.
import { describe, expect, it } from 'vitest';
import { errorCodes } from '../../src-main/contract/errors.ts';
import type { FitResult, Quality } from '../../src-main/contract/results.ts';
import { modelOfFile, nameOf, suggestOutput } from '../../src-renderer/features/model/model-path.ts';
import {
  barOf,
  fitInWords,
  headlineOf,
  isSlice,
  shortList,
  slicesInWords,
  usesSource,
} from '../../src-renderer/features/plans/plan-view.ts';
import { stageSteps } from '../../src-renderer/features/runs/stage-steps.ts';
import {
  contextStops,
  newTargetDraft,
  parseCardMemory,
  parseFileSize,
  readDraft,
} from '../../src-renderer/features/target/target-draft.ts';
import { layoutBar, limitShare, type BarSegment } from '../../src-renderer/ui/bar-layout.ts';
import { explain } from '../../src-renderer/words/explain-error.ts';
import { formatLoss, formatRate, sizeFormat, withError } from '../../src-renderer/words/numbers.ts';
import {
  howMeasured,
  lossInWords,
  lossWithFigure,
  nextWordAgreement,
  perplexityChange,
} from '../../src-renderer/words/quality-words.ts';
import { planFor } from '../support/plans.ts';
import { planList } from './fake-engine.ts';

const GiB = 2 ** 30;

describe('a typed target', () => {
  it.each([
    ['24', 24 * GiB],
    ['24 GB', 24 * GiB],
    ['a 24 GB card', 24 * GiB],
    ['22.5GiB', 22.5 * GiB],
    ['22,5 gib', 22.5 * GiB],
    ['24564 MiB', 24564 * 2 ** 20],
  ])('reads the card memory "%s"', (text, bytes) => expect(parseCardMemory(text)).toBe(bytes));

  it.each(['', 'RTX 4090', '24 TB', '-8', 'GB'])('refuses the card memory "%s"', (text) =>
    expect(parseCardMemory(text)).toBeNull(),
  );

  it.each([
    ['8', 8e9],
    ['8 GB', 8e9],
    ['900MB', 900e6],
    ['7,5 GiB', 7.5 * GiB],
  ])('reads the file size "%s"', (text, bytes) => expect(parseFileSize(text)).toBe(bytes));

  it('becomes a target, or says what is wrong with each field', () => {
    const draft = newTargetDraft();
    expect(readDraft(draft)).toEqual({
      target: { kind: 'memory', bytes: 24 * GiB, reserveBytes: GiB, context: 4096, kvType: 'f16' },
      problems: null,
    });
    expect(readDraft({ ...draft, card: 'big' }).problems).toHaveProperty('card');
    expect(readDraft({ ...draft, card: '1 GiB' }).problems).toHaveProperty('reserve');
    expect(readDraft({ ...draft, kind: 'file', file: '0' }).problems).toHaveProperty('file');
  });

  it('offers contexts up to what the model has', () => {
    expect(contextStops(512)).toEqual([512]);
    expect(contextStops(2000)).toEqual([512, 768, 1024, 1536, 2000]);
    expect(contextStops(null).at(-1)).toBe(131_072);
  });
});

describe('paths', () => {
  it('take a file of a safetensors folder for the folder', () => {
    expect(modelOfFile('/m/qwen/config.json')).toBe('/m/qwen');
    expect(modelOfFile('C:\\m\\qwen\\model-00001.safetensors')).toBe('C:\\m\\qwen');
    expect(modelOfFile('/m/a.gguf')).toBe('/m/a.gguf');
  });

  it('suggest an output beside the model, named for its type', () => {
    expect(suggestOutput('/m/Qwen2.5-32B.Q8_0.gguf', { what: 'Q4_K_M', ending: 'gguf' })).toBe(
      '/m/Qwen2.5-32B.Q4_K_M.gguf',
    );
    expect(suggestOutput('C:\\m\\Big-F16.gguf', { what: 'IQ4_XS', ending: 'gguf' })).toBe('C:\\m\\Big.IQ4_XS.gguf');
    expect(suggestOutput('/m/folder', { what: 'Q5_K', ending: 'gguf' })).toBe('/m/folder.Q5_K.gguf');
    expect(nameOf('/m/folder/')).toBe('folder');
  });
});

describe('the memory bar', () => {
  const segments = (weights: number): BarSegment[] => [
    { part: 'weights', label: 'Weights', bytes: weights },
    { part: 'reserve', label: 'Reserve', bytes: 10 },
  ];

  it('ends before the limit when it fits', () => {
    const { placed, over, isCut } = layoutBar(segments(40), 100);
    expect(placed[0]!.start).toBe(0);
    expect(placed[1]!.start).toBeCloseTo(0.4 * limitShare);
    expect(placed[1]!.width).toBeCloseTo(0.1 * limitShare);
    expect([over, isCut]).toEqual([0, false]);
  });

  it('sticks out behind the limit by as much as it is too big, and is cut at the edge', () => {
    expect(layoutBar(segments(100), 100).over).toBeCloseTo(0.1 * limitShare);
    expect(layoutBar(segments(1000), 100)).toMatchObject({ over: 1 - limitShare, isCut: true });
    expect(layoutBar(segments(1000), 100).placed.every(({ start, width }) => start + width <= 1)).toBe(true);
  });
});

describe('plans', () => {
  const [best, second, source] = planList.plans as [
    (typeof planList.plans)[0],
    (typeof planList.plans)[0],
    (typeof planList.plans)[0],
  ];

  it('say how much is left or too much, in the unit of the limit', () => {
    expect(fitInWords(best, planList.target)).toBe('1.20 GiB to spare');
    expect(fitInWords(source, planList.target)).toBe('over by 36.0 GiB');
    const tight = { ...best.memory, totalBytes: planList.target.bytes - 2 ** 20 };
    expect(fitInWords({ ...best, memory: tight }, planList.target)).toBe('1.00 MiB to spare');
    expect(fitInWords({ ...best, fileBytes: 7e9 }, { kind: 'file', bytes: 8e9 })).toBe('1.00 GB to spare');
  });

  it('give a verdict on the one looked at, and advice where nothing fits', () => {
    expect(headlineOf(planList, best)).toEqual(['Fits, with 1.20 GiB to spare', '']);
    expect(headlineOf(planList, second)).toEqual(['Fits, with 5.00 GiB to spare', '']);
    expect(headlineOf(planList, { ...source, steps: [] })).toEqual(['Does not fit: over by 36.0 GiB', '']);
    const tight = { ...planList, best: null, target: { ...planList.target, bytes: 2 * GiB } };
    expect(headlineOf(tight, source)).toEqual([
      'Nothing fits 2.00 GiB',
      'The smallest plan of use (q4_k_m mix) needs 19.0 GiB, 17.0 GiB too much. Use a larger card, a shorter context, or a smaller model.',
    ]);
    const step = { method: 'slice', kind: 'shared', width: 448, hiddenSize: 512, sparsity: 0.125 } as const;
    const slices = [{ ...best, steps: [{ ...step, orientation: 'pca' as const }, ...best.steps] }];
    const [headline, advice] = headlineOf({ ...tight, plans: slices }, slices[0]!);
    expect(headline).toBe('No slice fits 2.00 GiB'); // of the rest nothing is known
    expect(advice).toMatch(/Allow other plans/);
  });

  it('show the best ones, the chosen one and the source', () => {
    expect(shortList(planList, 'q4_k_m', 1).map(({ id }) => id)).toEqual(['q5_k_m', 'q4_k_m', 'source']);
    expect(usesSource(source)).toBe(true);
    expect(usesSource(best)).toBe(false);
    expect(usesSource({ ...source, cost: best.cost })).toBe(false); // of a folder
  });

  it('show the best slice too, which makes a file even where its weights are not quantised', () => {
    const step = { method: 'slice', kind: 'shared', width: 448, hiddenSize: 512, sparsity: 0.125 } as const;
    const slices = ['slice-448', 'slice-384'].map((id) =>
      planFor(id, { steps: [{ ...step, orientation: 'pca' }], totalBytes: 20 * GiB }),
    );
    const list = { ...planList, plans: [best, second, ...slices, source] };
    expect(shortList(list, best.id, 1).map(({ id }) => id)).toEqual(['q5_k_m', 'slice-448', 'source']);
    expect([slices[0]!, best].map(isSlice)).toEqual([true, false]);
    expect(usesSource(slices[0]!)).toBe(false);
  });

  it('tell what became of the slices, unless nothing was made', () => {
    const slices = { verdict: 'No slice was compared.', reason: { kind: 'not-measured' } };
    const result = { plan: best, plans: [best], slices } as unknown as FitResult;
    expect(slicesInWords(result)).toMatch(/^No slice was compared: only a measurement chooses one/);
    expect(slicesInWords({ ...result, plan: source })).toBe('');
  });

  it('are one segment against a file size', () => {
    expect(barOf(best, { kind: 'file', bytes: 8e9 }).segments).toEqual([
      { part: 'weights', label: 'File', bytes: 1000 },
    ]);
  });
});

describe('numbers', () => {
  it('keep one unit within a bar', () => {
    const format = sizeFormat('memory', 24 * GiB);
    expect([20.6 * GiB, 0.2 * GiB].map(format)).toEqual(['20.6 GiB', '0.20 GiB']);
    expect(sizeFormat('file', 900)(12)).toBe('12 B');
  });

  it('are fixed for losses and plain for rates', () => {
    expect([0, 1e-7, 0.00013, 0.00469, 0.0213, 1.234].map(formatLoss)).toEqual([
      ...['0', '<0.000001', '0.00013', '0.0047', '0.021', '1.23'],
    ]);
    expect(withError(0.00469, 0.00013)).toBe('0.00469 ± 0.00013');
    expect(formatRate({ stage: 'quantize', done: 1, total: 2, unit: 'bytes', perSecond: 120e6 })).toBe('120.0 MB/s');
    expect(formatRate({ stage: 'calibrate', done: 1, total: 2, unit: 'tokens', perSecond: 1667.2 })).toBe(
      '1,667 tokens/s',
    );
    expect(formatRate({ stage: 'open', done: 0, total: 1 })).toBeNull();
  });
});

describe('words', () => {
  const quality: Quality = {
    engine: 'llama.cpp',
    kind: 'as-run',
    text: 'evaluation',
    textSha256: '',
    windows: 8,
    windowTokens: 512,
    dense: { perplexity: 61.6, standardError: 1.25 },
    compressed: { perplexity: 62.1, standardError: 1 },
    topOneAgreement: 0.93,
    topOneStandardError: 0.004,
  };

  it('tell quality with its uncertainty', () => {
    expect(nextWordAgreement(quality)).toBe('Picks the same next word as the original 93.0 times in 100 (± 0.4)');
    expect(perplexityChange(quality)).toBe('Perplexity 61.60 ± 1.25 → 62.10 ± 1.00 on text it has not seen');
    expect(howMeasured(quality)).toBe('Measured on 8 × 512 tokens of “evaluation” with llama.cpp, as it runs');
    expect(howMeasured({ ...quality, engine: 'onnx', kind: 'weights-only' })).toBe(
      'Measured on 8 × 512 tokens of “evaluation” with Snug’s own graphs, weights only',
    );
    expect(lossInWords(0)).toEqual({ words: 'nothing', tone: 'good' });
    expect(lossInWords(0.0004)).toEqual({ words: 'almost nothing', tone: 'good' });
    const small = { ...planList.plans[0]!.predicted, kld: 0.0004, basis: 'measured' as const };
    expect(lossWithFigure(small)).toBe('almost nothing (0.0004)');
    expect(lossWithFigure({ ...small, basis: 'prior' })).toBe('almost nothing (≈ 0.0004)');
    expect(lossWithFigure({ ...small, kld: 0 })).toBe('nothing');
    expect(lossInWords(3).tone).toBe('bad');
  });

  it('explain every error code', () => {
    for (const code of errorCodes) {
      const { title, details } = explain({ code, message: 'm', details: { file: 'x', size: 3 } });
      expect(title).not.toBe('');
      expect(details).toBe(`code: ${code}\nfile: x\nsize: 3`);
    }
  });

  it('say of a path what is missing, where the engine says it', () => {
    const title = (details: object): string =>
      explain({ code: 'FILE_NOT_FOUND', message: 'm', details: { ...details } }).title;
    expect(title({ missing: 'output folder' })).toBe('The folder to write in is missing');
    expect(title({ missing: 'model' })).toBe('This is no model');
    for (const missing of [undefined, 'toString', 'something new'])
      expect(title({ missing })).toBe('A file or folder cannot be opened');
  });

  it('advise nothing that the message of a hub that does not answer says already', () => {
    const message =
      'https://hub does not deliver hub:a/b (tried 4 times). Try again later: what is here already is kept.';
    expect(explain({ code: 'HUB_UNAVAILABLE', message, details: {} }).advice).not.toMatch(/later|kept/);
  });

  it('name the stages in the order they came, then those expected', () => {
    const steps = stageSteps(['open', 'plan', 'tokenize'], 'tokenize', ['open', 'calibrate', 'prove']);
    expect(steps.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'open done',
      'plan done',
      'tokenize active',
      'calibrate waiting',
      'prove waiting',
    ]);
  });
});
