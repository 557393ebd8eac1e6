// Text that is decoded as its tokens come: the same as that of all of them at once, whole characters only.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JobContext } from '../../src-main/engine/jobs/context.ts';
import { openTextCodec } from '../../src-main/engine/stages/text-codec.ts';
import { caller, handlers as llamaHost } from '../llama-host/host.ts';
import { sampleFolder, sampleModel } from '../support/paths.ts';

const context = {
  signal: new AbortController().signal,
  llama: (duty: (client: unknown) => unknown) =>
    duty({
      vocabulary: (params: never) => llamaHost.vocabulary(params, caller()),
      tokenize: (params: never) => llamaHost.tokenize(params, caller()),
    }),
} as unknown as JobContext;

test.each([
  ['a folder', sampleFolder],
  ['a GGUF', sampleModel],
])('by the tokenizer of %s', async (_, source) => {
  const codec = await openTextCodec(context, source);
  const prompt = await codec.encode('Once upon a time');
  const bits = (ids: Int32Array): string[] => {
    const follow = codec.follow(prompt);
    return Array.from(ids, (_id, index) => follow(ids.slice(index, index + 1)));
  };

  // Characters of two to four bytes that this vocabulary has as bytes.
  const text = ' there was a naïve 猫 🙂 who said “日本語”.';
  const ids = await codec.encode(text);
  expect(codec.decode(prompt, ids)).toContain('🙂 who');
  const told = bits(ids);
  expect(told.join('')).toBe(codec.decode(prompt, ids));
  expect(told.filter((bit) => bit === '').length).toBeGreaterThan(5);
  expect(told.join('')).not.toContain('\uFFFD');
  for (const bit of told) expect(bit.isWellFormed()).toBe(true);

  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1999 }), { maxLength: 30 }), (random) => {
      const found = Int32Array.from(random);
      const whole = codec.decode(prompt, found);
      const joined = bits(found).join('');
      expect(whole.startsWith(joined)).toBe(true);
      // A token of the last, unfinished character may have a space before it, which waits with it.
      expect(whole.slice(joined.length)).toMatch(/^( ?\uFFFD+)*$/);
    }),
    { numRuns: 300 },
  );
});
