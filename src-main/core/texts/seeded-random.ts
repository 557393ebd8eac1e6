// Mulberry32 (Tommy Ettinger, public domain): a 32-bit generator with one word of state, enough to pick places in a text.
// The same seed gives the same numbers on every machine.

/** Numbers in [0, 1), the same for the same seed (a safe integer from 0). */
export function seededRandom(seed: number): () => number {
  // Both halves of a seed above 2^32 count; the constant is 2^32 / golden ratio.
  let state = (seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1)) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
