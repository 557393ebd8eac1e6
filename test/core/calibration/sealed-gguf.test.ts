// Files that tell whether they are whole: every bit of them.
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readGram, writeGram } from '../../../src-main/core/calibration/gram-file.ts';
import { readSealed, writeSealed } from '../../../src-main/core/calibration/sealed-gguf.ts';
import { GgufMetadata } from '../../../src-main/core/formats/gguf-values.ts';
import { temporaryFolder } from '../formats/temporary-folder.ts';

const file = path.join(temporaryFolder(), 'sealed.gguf');
const tensors = [
  { name: 'matrix', shape: [2, 3], values: Float64Array.of(1, -2, 3e300, 4, 5e-300, 6) },
  { name: 'none', shape: [0], values: new Float64Array() },
  { name: 'row', shape: [1], values: Float64Array.of(7) },
];
const write = (): Promise<void> =>
  writeSealed(file, {
    kind: 'snug.test',
    metadata: new GgufMetadata(file).set('snug.answer', { type: 'uint64', value: 42n }),
    tensors,
  });

test('gives back what was written, and the same bytes for the same content', async () => {
  await write();
  const bytes = readFileSync(file);
  const { metadata, tensors: found } = await readSealed(file, 'snug.test');
  expect(metadata.integer('snug.answer')).toBe(42);
  expect([...found.values()]).toEqual(tensors.map(({ values }) => values));
  await write();
  expect(readFileSync(file)).toEqual(bytes);
  await expect(readSealed(file, 'snug.other')).rejects.toMatchObject({ code: 'FILE_MALFORMED' });
});

test('a file with a changed byte is refused, unless the byte says nothing; so is one that was cut short', async () => {
  await write();
  const bytes = readFileSync(file);
  let refused = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    writeFileSync(file, changed);
    const found = await readSealed(file, 'snug.test').catch(() => null);
    if (found === null) refused += 1;
    else {
      expect(found.metadata.integer('snug.answer')).toBe(42);
      expect([...found.tensors]).toEqual(tensors.map(({ name, values }) => [name, values]));
    }
  }
  // All but the version (2 reads the same), the sum's own type, and zeros that fill up to the alignment.
  expect(bytes.length - refused).toBeLessThan(2 + 3 * 32);
  writeFileSync(file, bytes);
  truncateSync(file, bytes.length - 40);
  await expect(readSealed(file, 'snug.test')).rejects.toMatchObject({ code: 'FILE_MALFORMED' });
});

test('a Gram keeps its traces, spectra and what it was made of', async () => {
  const saved = {
    ...{ gram: Float64Array.of(4, 1, 1, 3), size: 2, tokens: 5, sites: 3 },
    traces: Float64Array.of(1, 2, 4),
    spectra: Float64Array.of(1, 0, 1.5, 0.5, 3, 1),
    madeOf: { model: 'llama', fingerprint: 'abc' },
  };
  await writeGram(file, saved);
  expect(await readGram(file)).toEqual(saved);
  await writeGram(file, { ...saved, gram: Float64Array.of(4, NaN, 1, 3) });
  await expect(readGram(file)).rejects.toMatchObject({ code: 'NON_FINITE' });
});
