// Whatever a structured clone can carry counts towards the size of a message.
import { describe, expect, it } from 'vitest';
import { sizeOf } from '../../src-main/rpc/message-size.ts';

const enough = 2 ** 19;
const large = new Uint8Array(40e6);
const text = 'x'.repeat(1e6);

describe('the size of a message', () => {
  it.each([
    ['a value of a map', new Map([['a', large]])],
    ['a key of a map', new Map([[large, 'a']])],
    ['a member of a set', new Set([1, large])],
    ['what lies in a map of sets', { a: new Map([['b', new Set([large])]]) }],
    ['a map of many', new Map(Array.from({ length: 1e5 }, (_, index) => [index, 0]))],
    ['a key of an object', { [text]: 1 }],
    ['the text of an error', new Error(text)],
    ['a pattern', new RegExp(text)],
    ['a number of many digits', 1n << 8_000_000n],
    ['one below zero', -(1n << 8_000_000n)],
  ])('counts %s', (_, value) => {
    expect(sizeOf({ kind: 'request', params: value }, enough)).toBeGreaterThan(enough);
  });

  it('does not count the places of an array', () => {
    expect(
      sizeOf(
        Array.from({ length: 1000 }, () => 0),
        enough,
      ),
    ).toBe(8008);
  });

  it('is small for what is small, and ends for what holds itself', () => {
    const circle = new Map<string, unknown>();
    circle.set('self', circle);
    expect(
      sizeOf(
        new Map<unknown, unknown>([
          ['a', 1n],
          [new Set(['b']), /c/],
        ]),
        enough,
      ),
    ).toBeLessThan(100);
    expect(sizeOf(circle, enough)).toBeGreaterThan(enough);
  });
});
