// Choosing tokens from logits: greedy, seeded, and the frequencies that a softmax says.
import { describe, expect, test } from 'vitest';
import { createSampler } from '../../../src-main/core/generation/sampler.ts';

const logits = Float32Array.of(1, 3, -2, 3, 0.5, 2);

function frequencies(options: { temperature: number; topK: number | null }, draws = 40_000): number[] {
  const choose = createSampler({ ...options, seed: 7 });
  const counts = Array.from(logits, () => 0);
  for (let draw = 0; draw < draws; draw += 1) counts[choose(logits)]! += 1;
  return counts.map((number) => number / draws);
}

function softmax(values: readonly number[], temperature: number): number[] {
  const weights = values.map((value) => Math.exp(value / temperature));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

describe('the sampler', () => {
  test('takes the first of the most likely tokens at temperature 0', () => {
    const choose = createSampler({ temperature: 0, topK: 3, seed: 1 });
    expect([choose(logits), choose(logits)]).toEqual([1, 1]);
  });

  test.each([0.5, 1, 3])('draws as a softmax at temperature %f says', (temperature) => {
    const expected = softmax([...logits], temperature);
    // Five standard deviations of 40,000 draws at most.
    for (const [token, share] of frequencies({ temperature, topK: null }).entries()) {
      expect(Math.abs(share - expected[token]!)).toBeLessThan(0.0125);
    }
  });

  test('draws from the most likely tokens only, of equal ones the first', () => {
    const [first, second, , third, , fourth] = frequencies({ temperature: 1, topK: 1 });
    expect([first, second, third, fourth]).toEqual([0, 1, 0, 0]);
    const three = frequencies({ temperature: 1, topK: 3 });
    const expected = softmax([3, 3, 2], 1);
    expect(three.map((share) => share > 0)).toEqual([false, true, false, true, false, true]);
    for (const [index, token] of [1, 3, 5].entries()) {
      expect(Math.abs(three[token]! - expected[index]!)).toBeLessThan(0.0125);
    }
  });

  test('is the same for the same seed, and another for another', () => {
    const drawn = (seed: number): number[] => {
      const choose = createSampler({ temperature: 2, topK: null, seed });
      return Array.from({ length: 50 }, () => choose(logits));
    };
    expect(drawn(3)).toEqual(drawn(3));
    expect(drawn(3)).not.toEqual(drawn(4));
  });

  test('stays finite where logits are large', () => {
    const choose = createSampler({ temperature: 0.01, topK: null, seed: 0 });
    expect(choose(Float32Array.of(1e30, 0, -1e30))).toBe(0);
  });

  test('refuses logits that are none', () => {
    const choose = createSampler({ temperature: 0, topK: null, seed: 0 });
    expect(() => choose(Float32Array.of(0, NaN))).toThrow(
      expect.objectContaining({ code: 'NON_FINITE', details: { token: 1, value: 'NaN' } }),
    );
  });
});
