// What an engine keeps of files on hubs: by address and block, within a bound.
import { expect, it } from 'vitest';
import { KeptBlocks } from '../../../src-main/engine/hub/kept-blocks.ts';

const block = (value: number): Uint8Array => new Uint8Array(10).fill(value);

it('a block is found by its file and number', () => {
  const kept = new KeptBlocks();
  kept.keep('one', 0, block(1));
  kept.keep('one', 1, block(2));
  kept.keep('two', 0, block(3));
  expect(['one', 'two'].map((url) => [kept.find(url, 0)?.[0], kept.find(url, 1)?.[0]])).toEqual([
    [1, 2],
    [3, undefined],
  ]);
});

it('what was used longest ago goes for what would be too much', () => {
  const kept = new KeptBlocks(30);
  for (const number of [0, 1, 2]) kept.keep('one', number, block(number));
  kept.keep('one', 1, block(1)); // counts once
  kept.find('one', 0);
  kept.keep('one', 3, block(3));
  expect([0, 1, 2, 3].map((number) => kept.find('one', number)?.[0])).toEqual([0, 1, undefined, 3]);
  kept.keep('large', 0, new Uint8Array(31));
  expect(kept.find('large', 0)).toBeUndefined();
});
