import { expect, test } from 'vitest';
import { evenWindows } from '../../../src-main/core/calibration/even-windows.ts';

const windowsOf = (...lengths: number[]): Int32Array[] =>
  lengths.map((length) => Int32Array.from({ length }, (_, index) => index));
const shapeOf = (...lengths: number[]): object => {
  const { windows, droppedTokens } = evenWindows(windowsOf(...lengths));
  for (const window of windows) expect(window).toEqual(windowsOf(window.length)[0]);
  return { lengths: windows.map(({ length }) => length), droppedTokens };
};

test.each([
  ['windows of one length stay', [8, 8, 8], [8, 8, 8], 0],
  ['one short text is left out', [8, 8, 3], [8, 8], 3],
  ['longer rows are cut where that keeps more', [10, 8, 8], [8, 8, 8], 2],
  ['one long row counts more than many short ones', [100, 8, 8], [100], 16],
  ['of two equal choices the longer windows', [8, 4], [8], 4],
])('%s', (_, given, lengths, droppedTokens) => {
  expect(shapeOf(...given)).toEqual({ lengths, droppedTokens });
});
