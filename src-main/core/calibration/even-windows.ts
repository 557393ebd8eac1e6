// Windows of one length for a forward pass whose graphs have a fixed one.

export interface EvenWindows {
  windows: Int32Array[];
  /** Tokens of the given windows that are in none of these. */
  droppedTokens: number;
}

/**
 * Cuts windows to the one length that keeps the most tokens, the longest such; shorter windows are left out. Windows of
 * one length stay as they are. (Texts shorter than a window and rows of ids may give windows of different lengths.)
 */
export function evenWindows(windows: readonly Int32Array[]): EvenWindows {
  const lengths = windows.map(({ length }) => length).toSorted((a, b) => b - a);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  let best = { length: 0, kept: 0 };
  for (const [index, length] of lengths.entries()) {
    const kept = length * (index + 1);
    if (kept > best.kept) best = { length, kept };
  }
  return {
    windows: windows.filter(({ length }) => length >= best.length).map((window) => window.subarray(0, best.length)),
    droppedTokens: total - best.kept,
  };
}
