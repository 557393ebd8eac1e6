// The outline of a folder's GGUF: the file that conversion would write, without its weights.
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { convertFolder, outlineFolder } from '../../../src-main/core/export/hf-to-gguf/convert-folder.ts';
import { openGguf } from '../../../src-main/core/formats/gguf-reader.ts';
import { openModel } from '../../../src-main/core/formats/model-source.ts';
import { temporaryFolder } from '../../support/engine.ts';
import { goldenModels, tinyModel } from '../../support/golden-models.ts';
import { sampleFolder } from '../../support/paths.ts';

const { signal } = new AbortController();

describe('the outline of a folder', () => {
  it.each([sampleFolder, ...(goldenModels === null ? [] : ['llama3-rope', 'phi', 'phi3', 'qwen2'].map(tinyModel))])(
    '%s',
    async (model) => {
      const folder = temporaryFolder();
      const [whole, outline] = ['whole.gguf', 'outline.gguf'].map((name) => path.join(folder, name)) as [
        string,
        string,
      ];
      const source = await openModel(model);
      const converted = await convertFolder({ source, output: whole, signal, progress: () => {} });
      const outlined = await outlineFolder({ source, output: outline, signal });
      await source.close();
      expect(outlined).toEqual({ fileBytes: converted.fileBytes, hasTokenizer: converted.hasTokenizer });

      const [expected, found] = [whole, outline].map((file) => readFileSync(file)) as [Buffer, Buffer];
      const gguf = await openGguf(whole);
      const dataStart = Math.min(...gguf.tensors.map(({ offset }) => offset));
      const norm = gguf.tensors.find(({ name }) => name === 'output_norm.weight')!;
      await gguf.close();
      expect(found.length).toBe(expected.length);
      expect(found.subarray(0, dataStart).equals(expected.subarray(0, dataStart))).toBe(true);
      const [start, end] = [norm.offset, norm.offset + norm.bytes];
      expect(found.subarray(start, end).equals(expected.subarray(start, end))).toBe(true);
      // Everything else is a hole.
      found.fill(0, 0, dataStart).fill(0, start, end);
      expect(found.every((byte) => byte === 0)).toBe(true);
      expect(statSync(outline).blocks * 512).toBeLessThan(dataStart + 64 * 1024);
    },
  );

  it('is not made over a file that is there', async () => {
    const source = await openModel(sampleFolder);
    const output = path.join(temporaryFolder(), 'outline.gguf');
    await outlineFolder({ source, output, signal });
    await expect(outlineFolder({ source, output, signal })).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' });
    await source.close();
  });
});
