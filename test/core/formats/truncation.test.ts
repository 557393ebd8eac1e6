// Files cut off anywhere, and files with flipped bytes: a parser ends, with a model or with an AppError, never otherwise.
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src-main/contract/errors.ts';
import { memorySource } from '../../../src-main/core/formats/byte-source.ts';
import { readGgufConfig } from '../../../src-main/core/formats/gguf-config.ts';
import { readGgufHeader } from '../../../src-main/core/formats/gguf-header.ts';
import { readHfConfig } from '../../../src-main/core/formats/hf-config.ts';
import { parseJsonObject } from '../../../src-main/core/formats/json-object.ts';
import { readSafetensorsHeader } from '../../../src-main/core/formats/safetensors-header.ts';
import { fixtures } from '../../support/paths.ts';

async function parse(name: string, bytes: Uint8Array): Promise<unknown> {
  if (name.endsWith('.gguf')) {
    const { metadata, tensors } = await readGgufHeader(memorySource(name, bytes));
    return readGgufConfig(metadata, tensors);
  }
  if (name.endsWith('.safetensors')) return readSafetensorsHeader(memorySource(name, bytes));
  return readHfConfig(name, parseJsonObject(name, 'file', bytes));
}

/** Whether the bytes were taken; anything thrown but an AppError of a malformed file fails the test. */
async function isTaken(name: string, bytes: Uint8Array): Promise<boolean> {
  try {
    await parse(name, bytes);
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'FILE_MALFORMED') return false;
    throw error;
  }
}

const hostile = path.join(fixtures, 'hostile');
const names = readdirSync(hostile).filter((name) => name !== 'expected.json');

describe('a file that ends early', () => {
  it.each(names)('%s, at every byte', async (name) => {
    const bytes = await readFile(path.join(hostile, name));
    // The last byte of a JSON text or of zero padding may be missing without harm; half a file may not.
    for (let length = 0; length < bytes.length; length += 1) {
      const taken = await isTaken(name, bytes.subarray(0, length));
      if (length < bytes.length / 2) expect(taken).toBe(false);
    }
  });

  it('a golden GGUF file, at many bytes', async () => {
    const bytes = await readFile(path.join(fixtures, 'gguf/llama-gqa-q8_0.gguf'));
    for (let length = 0; length < bytes.length; length += length < 11_000 ? 61 : 9973) {
      expect(await isTaken('cut.gguf', bytes.subarray(0, length))).toBe(false);
    }
  });
});

describe('a file with wrong bytes', () => {
  it.each(['ok.gguf', 'ok.safetensors', 'ok.config.json'])('%s, thousands of ways', async (name) => {
    const bytes = await readFile(path.join(hostile, name));
    const flips = fc.array(fc.tuple(fc.nat({ max: Math.min(bytes.length, 340) - 1 }), fc.nat({ max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(flips, async (changes) => {
        const changed = Uint8Array.from(bytes);
        for (const [index, value] of changes) changed[index] = value;
        await isTaken(name, changed);
      }),
      { numRuns: 2000 },
    );
  });
});
