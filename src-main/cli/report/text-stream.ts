// Text that grows while it is told again and again: what is new of it.

export interface GrowingText {
  /** What the text `soFar` has that was not given yet; a last character that may not be whole is kept back. */
  next: (soFar: string) => string;
  /** The rest of the whole text. */
  last: (text: string) => string;
}

export function growingText(): GrowingText {
  let given = 0;
  const from = (text: string): string => {
    const rest = text.slice(given);
    given = Math.max(given, text.length);
    return rest;
  };
  return { next: (soFar) => from(soFar.replace(/\uFFFD+$/, '')), last: from };
}
