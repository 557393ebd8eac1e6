import { createHash } from 'node:crypto';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calibrationOptions } from '../../../src-main/contract/recipe.ts';
import { calibrationWindows } from '../../../src-main/core/texts/calibration-windows.ts';
import { openText, type OpenedText } from '../../../src-main/core/texts/open-text.ts';
import { openFolderTokenizer } from '../../../src-main/core/tokens/folder-tokenizer.ts';
import { resources, sampleFolder } from '../../support/paths.ts';
import { failureOf } from '../formats/temporary-folder.ts';
import { blankLine, bos, fakeTokenizer, numbered, rowsText } from './fake-tokenizer.ts';

function windowsOf(texts: OpenedText[], options: object, contextLength = 4096) {
  return calibrationWindows({
    texts,
    options: calibrationOptions.parse(options),
    contextLength,
    tokenize: fakeTokenizer().tokenize,
  });
}

const words = (window: Int32Array): number[] => [...window].filter((id) => id < bos);

describe('random samples', () => {
  it('never overlap, are full, and run on in the text', async () => {
    const shape = {
      counts: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 60, maxLength: 120 }),
      seed: fc.nat(),
      samples: fc.integer({ min: 1, max: 30 }),
    };
    await fc.assert(
      fc.asyncProperty(fc.record(shape), async ({ counts, seed, samples }) => {
        const { windows, tokens } = await windowsOf([numbered(counts)], { samples, length: 48, seed });
        expect(windows.length).toBeGreaterThan(0);
        expect(windows.length).toBeLessThanOrEqual(samples);
        expect(tokens).toBe(windows.length * 48);
        const all = windows.flatMap(words);
        expect(new Set(all).size).toBe(all.length);
        for (const window of windows) {
          expect(window).toHaveLength(48);
          expect(window[0]).toBe(bos);
          const [first] = words(window);
          expect(words(window)).toEqual(words(window).map((_, index) => first! + index));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('start at items and join them with blank lines', async () => {
    const { windows } = await windowsOf([numbered(Array.from({ length: 50 }, () => 10))], { samples: 3, length: 32 });
    for (const window of windows) {
      expect(window[1]! % 10).toBe(0);
      expect([...window].flatMap((id, index) => (id === blankLine ? [index] : []))).toEqual([11, 22]);
    }
  });

  it('are the same for a seed and differ between seeds', async () => {
    const text = numbered(Array.from({ length: 400 }, (_, index) => 5 + (index % 17)));
    const seeded = (seed: number) => windowsOf([text], { samples: 8, length: 64, seed });
    expect(await seeded(42)).toEqual(await seeded(42));
    const firsts = await Promise.all([0, 1, 42, 2 ** 32, 2 ** 32 + 42, 2 ** 53 - 1].map(seeded));
    expect(new Set(firsts.map(({ windows }) => windows.map(String).join(';'))).size).toBe(firsts.length);
  });

  it('take nearly all of a text that is asked for more than it has', async () => {
    const { windows } = await windowsOf([numbered(Array.from({ length: 1000 }, () => 10))], {
      samples: 1000,
      length: 50,
    });
    expect(windows.length).toBeGreaterThan(0.65 * 200);
  });

  it('never give up a whole text for one bad start', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const { windows } = await windowsOf([numbered([...Array.from({ length: 9 }, () => 3), 60])], {
        samples: 4,
        length: 40,
        seed,
      });
      expect(windows.length, `seed ${seed}`).toBeGreaterThan(0);
    }
  });

  it('cost two calls for any number of texts', async () => {
    const { tokenize, calls } = fakeTokenizer();
    const texts = [numbered([200, 200], 0, 'a'), numbered([200, 200], 1000, 'b'), rowsText([[1, 2]])];
    await calibrationWindows({
      texts,
      options: calibrationOptions.parse({ length: 64 }),
      contextLength: 4096,
      tokenize,
    });
    expect(calls()).toBe(2);
  });
});

describe('contiguous samples', () => {
  it('cut the text from its start, with one BOS', async () => {
    const text = numbered([70, 70, 70]);
    const { windows } = await windowsOf([text], { samples: 128, length: 50, sampling: 'contiguous' });
    const [whole] = await fakeTokenizer().tokenize([text.joined!]);
    expect(windows.map((window) => window.length)).toEqual([50, 50, 50, 50]);
    expect(windows.flatMap((window) => [...window])).toEqual([...whole!.slice(0, 200)]);
  });

  it('are at most as many as asked for', async () => {
    expect(
      (await windowsOf([numbered([900])], { samples: 2, length: 50, sampling: 'contiguous' })).windows,
    ).toHaveLength(2);
  });
});

describe.each(['random', 'contiguous'])('%s: length', (sampling) => {
  it('is cut to the context of the model', async () => {
    const { windows } = await windowsOf([numbered([600])], { samples: 1, sampling }, 100);
    expect(windows.map((window) => window.length)).toEqual([100]);
  });

  it('may be shorter where the text has no full window', async () => {
    const { windows, tokens } = await windowsOf([numbered([20, 20])], { sampling });
    expect(windows.map((window) => window.length)).toEqual([42]);
    expect(tokens).toBe(42);
  });

  it('is too short under 32 tokens', async () => {
    const failure = await failureOf(windowsOf([numbered([10, 10])], { sampling }));
    expect(failure).toMatchObject({ code: 'TEXT_TOO_SHORT', details: { found: 22, needed: 32 } });
    expect(await failureOf(windowsOf([numbered([])], { sampling }))).toMatchObject({
      code: 'TEXT_TOO_SHORT',
      details: { found: 1 },
    });
  });

  it('may be less than 32 where that was asked for', async () => {
    expect((await windowsOf([numbered([10])], { sampling, length: 8 })).windows.map((window) => window.length)).toEqual(
      [8],
    );
  });
});

describe('several texts', () => {
  const texts = [numbered([5000], 0, 'a'), numbered([5000], 10_000, 'b'), numbered([5000], 20_000, 'c')];
  const sourceOf = (window: Int32Array): string => 'abc'[Math.floor(window[1]! / 10_000)]!;

  it('share the samples, the first takes the remainder', async () => {
    const many = texts.map((text, index) =>
      numbered(
        Array.from({ length: 400 }, () => 20),
        index * 10_000,
        text.name,
      ),
    );
    const { windows } = await windowsOf(many, { samples: 11, length: 64 });
    expect(windows.map(sourceOf).join('')).toBe('aaaaabbbccc');
  });

  it('that get no share are left out', async () => {
    expect((await windowsOf([texts[0]!, numbered([1], 0, 'tiny')], { samples: 1, length: 64 })).windows).toHaveLength(
      1,
    );
  });

  it('have a sum of their sums, one text its own', async () => {
    const { textSha256 } = await windowsOf(texts, { samples: 3, length: 64 });
    expect(textSha256).toBe(createHash('sha256').update('sum of asum of bsum of c').digest('hex'));
    expect((await windowsOf([texts[0]!], { samples: 3, length: 64 })).textSha256).toBe('sum of a');
  });
});

describe('rows of token ids', () => {
  it('are used in their order, cut to length and number, without a tokenizer', async () => {
    const { tokenize, calls } = fakeTokenizer();
    const options = calibrationOptions.parse({ samples: 2, length: 3 });
    const { windows, tokens } = await calibrationWindows({
      texts: [rowsText([[5, 6, 7, 8], [9], [10, 11]])],
      options,
      contextLength: 512,
      tokenize,
    });
    expect(windows).toEqual([Int32Array.of(5, 6, 7), Int32Array.of(9)]);
    expect([tokens, calls()]).toEqual([4, 0]);
  });
});

it('the bundled text gives the sample model more than 8 tokens per column', async () => {
  const tokenizer = await openFolderTokenizer(sampleFolder);
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const tokenize = async (texts: Uint8Array[]) =>
    texts.map((text) => Int32Array.from(tokenizer.encode(decoder.decode(text))));
  const text = await openText('calibration', path.join(resources, 'texts'));
  const { windows, tokens } = await calibrationWindows({
    texts: [text],
    options: calibrationOptions.parse({}),
    contextLength: 512,
    tokenize,
  });
  expect(windows.every((window) => window.length === 512)).toBe(true);
  expect(tokens).toBeGreaterThan(8 * 256);
});
