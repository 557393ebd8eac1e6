import { describe, expect, it } from 'vitest';
import { evaluationWindows } from '../../../src-main/core/texts/evaluation-windows.ts';
import type { OpenedText } from '../../../src-main/core/texts/open-text.ts';
import { failureOf } from '../formats/temporary-folder.ts';
import { bos, fakeTokenizer, numbered, rowsText } from './fake-tokenizer.ts';

function windowsOf(text: OpenedText, { window = 2048, windows = null as number | null, contextLength = 4096 } = {}) {
  return evaluationWindows({ text, window, windows, contextLength, tokenize: fakeTokenizer().tokenize });
}

describe('a text', () => {
  it('is tokenised once and cut without overlap, the rest dropped', async () => {
    const { tokenize, calls } = fakeTokenizer();
    const text = numbered([120, 120]);
    const { windows, windowTokens } = await evaluationWindows({
      text,
      window: 50,
      windows: null,
      contextLength: 4096,
      tokenize,
    });
    const [whole] = await tokenize([text.joined!]);
    expect(windows.flatMap((window) => [...window])).toEqual([...whole!.slice(0, 200)]);
    expect(windows.map((window) => window.length)).toEqual([50, 50, 50, 50]);
    expect(windows.filter((window) => window.includes(bos))).toHaveLength(1);
    expect([windowTokens, calls()]).toEqual([50, 2]);
  });

  it('gives at most so many windows, of at most the context', async () => {
    const { windows, windowTokens } = await windowsOf(numbered([1000]), { windows: 3, contextLength: 64 });
    expect([windows.length, windowTokens]).toEqual([3, 64]);
  });

  it('shorter than a window is one window', async () => {
    const { windows, windowTokens } = await windowsOf(numbered([40]));
    expect([windows.length, windows[0]!.length, windowTokens]).toEqual([1, 41, 41]);
  });

  it('of under 32 tokens is too short', async () => {
    expect(await failureOf(windowsOf(numbered([30])))).toMatchObject({
      code: 'TEXT_TOO_SHORT',
      details: { found: 31, needed: 32 },
    });
  });

  it('gives windows that own their memory, so that sending one does not send all', async () => {
    const { windows } = await windowsOf(numbered([500]), { window: 100 });
    expect(windows.map((window) => window.buffer.byteLength)).toEqual(windows.map(() => 400));
  });
});

describe('rows of token ids', () => {
  it('are used as they are', async () => {
    const { windows, windowTokens } = await windowsOf(
      rowsText([
        [1, 2, 3, 4],
        [5, 6],
        [7, 8],
      ]),
      { window: 3, windows: 2 },
    );
    expect(windows).toEqual([Int32Array.of(1, 2, 3), Int32Array.of(5, 6)]);
    expect(windowTokens).toBe(3);
  });

  it('of one token predict nothing', async () => {
    expect(await failureOf(windowsOf(rowsText([[1, 2], [3]])))).toMatchObject({
      code: 'TEXT_TOO_SHORT',
      details: { row: 1 },
    });
  });
});
