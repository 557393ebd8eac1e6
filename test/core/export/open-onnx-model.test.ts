// What a written ONNX model says of itself, and what is refused: foreign files, damage, weights that are missing.
import { copyFileSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { openOnnxModel } from '../../../src-main/core/export/onnx/open-onnx-model.ts';
import { writeOnnxModel } from '../../../src-main/core/export/onnx/write-onnx-model.ts';
import type { OnnxRequest } from '../../../src-main/core/export/onnx/write-onnx-model.ts';
import { GraphBuilder } from '../../../src-main/core/graph/graph-builder.ts';
import { ProtobufWriter } from '../../../src-main/core/graph/protobuf-writer.ts';
import { inspect } from '../../../src-main/engine/library/inspect.ts';
import { sharedSlicingConfig } from '../../../src-main/core/slicing/slicing-config.ts';
import { tinyModel, tinyModels } from '../../support/golden-models.ts';
import { decoderOf } from '../../support/graph-runs.ts';
import { fixtures } from '../../support/paths.ts';
import { ports } from '../../support/slicing.ts';
import { failureOf } from '../formats/temporary-folder.ts';
import { newPath } from './folders.ts';

const gqa = path.join(fixtures, 'gguf/llama-gqa-f32.gguf');

async function written(model: string, more: Partial<OnnxRequest> = {}): Promise<string> {
  const output = newPath('model.onnx');
  await writeOnnxModel({ ...ports, decoder: await decoderOf(model), output, type: 'F32', ...more });
  return output;
}

describe('a written model', () => {
  test.each([gqa, ...tinyModels.map(tinyModel)])('is what its source is: %s', async (model) => {
    const [found, source] = [await inspect(await written(model)), await inspect(model)];
    const { architecture, config } = source;
    // The first two rows of OPT's table are no positions, and are left out.
    const parameters = source.parameters - (architecture === 'opt' ? 2 * config.hiddenSize! : 0);
    expect(found).toMatchObject({ format: 'onnx', architecture, parameters, widths: null });
    expect(found.config).toEqual(config);
    expect(Object.keys(found.tensorTypes)).toEqual(['F32']);
  });

  test('says how it was sliced, and its types and bytes, in one file or two; the same bytes each time', async () => {
    const slicing = sharedSlicingConfig(await decoderOf(gqa), 64);
    const one = await written(gqa, { type: 'F16', slicing });
    const two = await written(gqa, { type: 'F16', slicing, maxEmbeddedBytes: 0 });
    const found = await openOnnxModel(one);
    expect(found).toMatchObject({ slicing, fileBytes: statSync(one).size });
    expect(found.tensorTypes['F16']).toBeGreaterThan(found.tensorTypes['F32']!);
    const apart = await openOnnxModel(two);
    expect(apart).toEqual({
      ...{ ...found, path: two },
      fileBytes: statSync(two).size + statSync(`${two}.data`).size,
      ...{ files: [two, `${two}.data`], weights: apart.weights },
    });
    // The same bytes, wherever they lie.
    for (const [index, { name, shape, shard, offset, bytes }] of found.weights.entries()) {
      const other = apart.weights[index]!;
      expect([shard, other.shard, other.name, other.shape]).toEqual([0, 1, name, shape]);
      const part = readFileSync(one).subarray(offset, offset + bytes);
      expect(
        readFileSync(apart.files[1]!)
          .subarray(other.offset, other.offset + bytes)
          .equals(part),
      ).toBe(true);
    }
    expect(readFileSync(await written(gqa, { type: 'F16', slicing }))).toEqual(readFileSync(one));
    const { fileBytes } = await openOnnxModel(await written(gqa, { type: 'F16' }));
    expect(found.fileBytes - fileBytes).toBeLessThan(1000);
  });
});

describe('is refused', () => {
  const refusal = async (file: string) => failureOf(openOnnxModel(file));
  const malformed = (words: RegExp) => ({
    code: 'FILE_MALFORMED',
    message: expect.stringMatching(words) as string,
  });

  test('a model of someone else, an older one, and what is none', async () => {
    const file = newPath('other.onnx');
    const g = new GraphBuilder('other');
    g.output('y', g.relu(g.input('x', ['N', 4])), ['N', 4]);
    const own = g.encode();
    writeFileSync(file, own);
    expect(await refusal(file)).toMatchObject(
      malformed(/its snug\.model: expected an ONNX model that `snug slice` wrote/),
    );
    const foreign = new ProtobufWriter().integer(1, 8).text(2, 'pytorch').message(7, new ProtobufWriter().text(2, 'g'));
    writeFileSync(file, foreign.finish());
    expect(await refusal(file)).toMatchObject(malformed(/`snug slice` wrote, found one of pytorch/));
    writeFileSync(file, '');
    expect(await refusal(file)).toMatchObject(malformed(/`snug slice` wrote, found no model/));
    writeFileSync(file, 'no model at all');
    expect((await refusal(file)).code).toBe('FILE_MALFORMED');
    expect((await refusal(newPath('missing.onnx'))).code).toBe('FILE_NOT_FOUND');
  });

  test('metadata that is not what Snug writes', async () => {
    const file = newPath('broken.onnx');
    const entry = new ProtobufWriter().text(1, 'snug.model').text(2, '{"architecture": 5}');
    const model = new ProtobufWriter().text(2, 'snug').message(7, new ProtobufWriter()).message(14, entry);
    writeFileSync(file, model.finish());
    expect(await refusal(file)).toMatchObject(malformed(/of its snug\.model/));
  });

  test('a file that was cut anywhere', async () => {
    const whole = await written(gqa);
    const { size } = statSync(whole);
    const file = newPath('cut.onnx');
    for (const share of [0.0001, 0.01, 0.3, 0.7, 0.999]) {
      copyFileSync(whole, file);
      truncateSync(file, Math.floor(size * share));
      expect((await refusal(file)).code).toBe('FILE_MALFORMED');
    }
  });

  test('weights beside it that are missing, short, or in another folder', async () => {
    const file = await written(gqa, { maxEmbeddedBytes: 0 });
    const data = `${file}.data`;
    truncateSync(data, statSync(data).size - 1);
    expect(await refusal(file)).toMatchObject(malformed(/model\.onnx\.data is malformed: weight .*expected at least/));
    rmSync(data);
    expect(await refusal(file)).toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringMatching(/model\.onnx\.data is missing: it holds the weights of/) as string,
    });
    const bytes = readFileSync(file);
    const elsewhere = Buffer.from(
      bytes.toString('latin1').replaceAll('model.onnx.data', '../del.onnx.data'.slice(0, 15)),
      'latin1',
    );
    writeFileSync(file, elsewhere);
    expect(await refusal(file)).toMatchObject(malformed(/a file beside the model/));
  });
});
