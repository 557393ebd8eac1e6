// Folders of sliced models that are damaged: refused by the file and the place that is wrong.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { SlicingConfig } from '../../../../src-main/contract/results.ts';
import { openSlicedFolder } from '../../../../src-main/core/slicing/per-block/sliced-folder.ts';
import { goldenModels, goldenTokens, readJson } from '../../../support/golden-models.ts';
import { decoderOf } from '../../../support/graph-runs.ts';
import { constantConfig, slicedInto } from '../../../support/per-block.ts';
import { newPath } from '../../../support/sliced-folders.ts';
import { golden } from '../../../support/slicing.ts';

describe.skipIf(!goldenModels)('a folder of a sliced model', () => {
  const windows = goldenModels ? goldenTokens('llama-gqa') : [];

  describe('that is damaged is refused', () => {
    const broken = async (change: (slicing: SlicingConfig) => unknown): Promise<string> => {
      const decoder = await decoderOf(golden('llama-gqa'));
      const at = newPath();
      await slicedInto(at, { decoder, windows, widths: constantConfig(decoder, 48) });
      const file = path.join(at, 'slicing.json');
      writeFileSync(file, JSON.stringify(change(readJson<SlicingConfig>(file))));
      return at;
    };

    test.each<[string, (slicing: SlicingConfig) => unknown]>([
      ['head_dimension: expected 64, found 48', (slicing) => ({ ...slicing, head_dimension: 48 })],
      ['hidden_size: expected 64, as ', (slicing) => ({ ...slicing, hidden_size: 128 })],
      ['layers_num: expected 4, found 5', (slicing) => ({ ...slicing, layers_num: 5 })],
      [
        "embedding_dimensions.0 (site embed): expected a whole number from 1 to the model's 64, found 0",
        (slicing) => ({ ...slicing, embedding_dimensions: { '0': 0 } }),
      ],
      [
        'attention_output_dimensions.1 (site layer1.attn_out): expected',
        (slicing) => ({ ...slicing, attention_output_dimensions: { '0': 48 } }),
      ],
      [
        'attention_input_dimensions.1: expected 48, found 40',
        ({ attention_input_dimensions: widths, ...slicing }) => ({
          ...slicing,
          attention_input_dimensions: { ...widths, '1': 40 },
        }),
      ],
      [
        'embed_tokens',
        (slicing) => ({
          ...slicing,
          ...{
            embedding_dimensions: { '0': 40 },
            attention_input_dimensions: { ...slicing.attention_input_dimensions, '0': 40 },
          },
        }),
      ],
      ['layers_num', ({ layers_num: _, ...slicing }) => slicing],
      ['mlp_output_dimensions', (slicing) => ({ ...slicing, mlp_output_dimensions: { '0': 'wide' } })],
    ])('for its %s', async (named, change) => {
      await expect(openSlicedFolder(await broken(change))).rejects.toMatchObject({
        code: 'FILE_MALFORMED',
        message: expect.stringContaining(named) as string,
      });
    });

    test('or for another size in its config.json, which is the one that is blamed', async () => {
      const at = await broken((slicing) => slicing);
      const file = path.join(at, 'config.json');
      writeFileSync(file, JSON.stringify({ ...readJson<object>(file), hidden_size: 128 }));
      await expect(openSlicedFolder(at)).rejects.toMatchObject({
        code: 'FILE_MALFORMED',
        message: `${file} is malformed: hidden_size: expected 64, as ${path.join(at, 'slicing.json')} and the output layer have it, found 128.`,
      });
    });

    test('or without slicing.json', async () => {
      await expect(openSlicedFolder(golden('llama-gqa'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    });
  });
});
