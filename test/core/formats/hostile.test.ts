// Files made to break parsers, each with one fault: test/fixtures/hostile, described in expected.json.
import { readFileSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { firstNonFinite } from '../../../src-main/core/formats/finite-check.ts';
import { openGguf } from '../../../src-main/core/formats/gguf-reader.ts';
import { openModel } from '../../../src-main/core/formats/model-source.ts';
import { openSafetensors } from '../../../src-main/core/formats/safetensors-reader.ts';
import { fixtures } from '../../support/paths.ts';
import { failureOf, temporaryFolder } from './temporary-folder.ts';

interface Expectation {
  format: 'gguf' | 'safetensors' | 'config';
  ok: boolean;
  stage: 'none' | 'parse' | 'weights';
}

const folder = path.join(fixtures, 'hostile');
const scratch = temporaryFolder();
const expectations = JSON.parse(readFileSync(path.join(folder, 'expected.json'), 'utf8')) as Record<
  string,
  Expectation
>;

/** What the error has to say, beside its code and the file: the subject, and a part of expected or actual. */
const subjects: Record<string, [subject: Record<string, unknown>, words: RegExp]> = {
  'gguf-bad-magic.gguf': [{ where: 'magic' }, /GGUX/],
  'gguf-version-99.gguf': [{ where: 'version' }, /99/],
  'gguf-truncated-header.gguf': [{ key: 1 }, /13 bytes left/],
  'gguf-truncated-data.gguf': [{ tensor: 'b.weight' }, /a file of 892 bytes/],
  'gguf-offset-beyond-file.gguf': [{ tensor: 'b.weight' }, /a file of 992 bytes/],
  'gguf-overlapping-tensors.gguf': [{ tensor: 'b.weight' }, /behind a.weight/],
  'gguf-misaligned-offset.gguf': [{ tensor: 'b.weight' }, /516/],
  'gguf-dims-overflow.gguf': [{ tensor: 'b.weight' }, /4611686018427387904/],
  'gguf-n-dims-100.gguf': [{ tensor: 'b.weight' }, /100/],
  'gguf-kv-count-2e60.gguf': [{ where: 'key-value count' }, /1152921504606846976/],
  'gguf-string-length-2e63.gguf': [{ key: 0 }, /9223372036854775808/],
  'gguf-array-depth-200.gguf': [{ key: 'deep' }, /deep/],
  'gguf-duplicate-key.gguf': [{ key: 'llama.block_count' }, /second time/],
  'gguf-unknown-tensor-type.gguf': [{ tensor: 'b.weight' }, /4242/],
  'gguf-alignment-0.gguf': [{ key: 'general.alignment' }, /power of two/],
  'st-header-length.safetensors': [{ where: 'header length' }, /1099511627776/],
  'st-header-not-json.safetensors': [{ where: 'header' }, /JSON/],
  'st-offset-range.safetensors': [{ tensor: 'b' }, /1096/],
  'st-offset-reversed.safetensors': [{ tensor: 'b' }, /\[96,64\]/],
  'st-overlapping.safetensors': [{ tensor: 'b' }, /overlap/],
  'st-shape-bytes.safetensors': [{ tensor: 'b' }, /36 bytes/],
  'st-unknown-dtype.safetensors': [{ tensor: 'b' }, /F33/],
  'st-duplicate-tensor.safetensors': [{ key: 'a' }, /twice/],
  'missing-field.config.json': [{ key: 'hidden_size' }, /no such field/],
  'negative-layers.config.json': [{ key: 'num_hidden_layers' }, /-4/],
};

/** A model folder of the valid weights and the named config. */
async function folderWithConfig(name: string): Promise<string> {
  const model = path.join(scratch, name);
  await mkdir(model);
  await copyFile(path.join(folder, name), path.join(model, 'config.json'));
  await copyFile(path.join(folder, 'ok.safetensors'), path.join(model, 'model.safetensors'));
  return model;
}

async function open(name: string, format: Expectation['format']) {
  if (format === 'gguf') return openGguf(path.join(folder, name));
  if (format === 'safetensors') return openSafetensors(path.join(folder, name));
  return openModel(await folderWithConfig(name));
}

describe('hostile files', () => {
  const malformedNames = Object.entries(expectations).filter(([, expected]) => expected.stage === 'parse');

  it.each(malformedNames)('refuses %s, saying what and where', async (name, { format }) => {
    const error = await failureOf(open(name, format));
    expect(error.code).toBe('FILE_MALFORMED');
    const [subject, words] = subjects[name]!;
    const file = format === 'config' ? path.join(scratch, name, 'config.json') : path.join(folder, name);
    expect(error.details).toMatchObject({ file, ...subject });
    expect(`${String(error.details['expected'])} / ${String(error.details['actual'])}`).toMatch(words);
    expect(error.message).toContain(file);
  });

  it.each(Object.entries(expectations).filter(([, expected]) => expected.ok))('opens %s', async (name, { format }) => {
    const opened = await open(name, format);
    expect(opened.tensors).toHaveLength(2);
    for (const entry of opened.tensors) expect(await opened.read(entry)).toHaveLength(entry.bytes);
    await opened.close();
  });

  it('finds the NaN of a well-formed file', async () => {
    const files = await openSafetensors(path.join(folder, 'st-nan-weights.safetensors'));
    const [a, b] = await Promise.all(files.tensors.map((entry) => files.read(entry)));
    expect(firstNonFinite('F32', a!)).toBe(5);
    expect(firstNonFinite('F32', b!)).toBe(-1);
    await files.close();
  });
});
