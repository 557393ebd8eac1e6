// Exports of sliced models, whose hidden size is no longer heads times head size: the golden shared slice (float64) out of
// both forms.
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openDecoder } from '../../../src-main/core/architectures/decoder.ts';
import type { Decoder } from '../../../src-main/core/architectures/decoder.ts';
import { writeOnnxModel } from '../../../src-main/core/export/onnx/write-onnx-model.ts';
import { writeSafetensorsFolder } from '../../../src-main/core/export/safetensors/write-safetensors-folder.ts';
import { openModel } from '../../../src-main/core/formats/model-source.ts';
import type { ModelSource } from '../../../src-main/core/formats/model-source.ts';
import { forward } from '../../../src-main/core/graph/forward.ts';
import { collectSharedStatistics } from '../../../src-main/core/slicing/collect-statistics.ts';
import { sharedRotation } from '../../../src-main/core/slicing/shared-rotation.ts';
import { sliceShared } from '../../../src-main/core/slicing/slice-shared.ts';
import { nativeDequantizer } from '../../../src-main/worker/native/native-dequantizer.ts';
import { openLinearAlgebra } from '../../../src-main/worker/native/native-linear-algebra.ts';
import { onnxRuntime } from '../../../src-main/worker/onnx/onnx-runtime.ts';
import { furthest, goldenModels, goldenPositions, goldenTokens, readFloat64 } from '../../support/golden-models.ts';
import { openOnnxDecoder } from '../../support/onnx-decoder.ts';
import { newPath } from './folders.ts';

const common = {
  runtime: onnxRuntime({ threads: 1 }),
  dequantize: nativeDequantizer(1),
  linearAlgebra: openLinearAlgebra(1),
  signal: new AbortController().signal,
  progress: (): void => {},
};
const opened: ModelSource[] = [];
afterAll(async () => {
  for (const model of opened) await model.close();
});

async function decoderOf(file: string): Promise<Decoder> {
  const model = await openModel(file);
  opened.push(model);
  return openDecoder(model);
}

async function sliced(name: string, width: number): Promise<Decoder> {
  const decoder = await decoderOf(path.join(goldenModels!, name));
  const { gram } = await collectSharedStatistics({ ...common, decoder, windows: goldenTokens(name) });
  const rotation = await sharedRotation({ ...common, gram, size: decoder.config.hiddenSize, width });
  const output = newPath('sliced.gguf');
  await sliceShared({ ...common, decoder, rotation, output, type: 'F32' });
  return decoderOf(output);
}

/** Logits of the last eight positions of two windows, by our own graphs. */
async function ownLogits(decoder: Decoder, name: string): Promise<Float32Array> {
  const windows = goldenTokens(name);
  const positions = goldenPositions(windows[0]!.length);
  return (await forward({ ...common, decoder, windows, positions, rowKind: 'logits', nll: false })).rows;
}

async function onnxLogits(decoder: Decoder, name: string): Promise<number[]> {
  const output = newPath('model.onnx');
  await writeOnnxModel({ ...common, decoder, output, type: 'F32' });
  const onnx = await openOnnxDecoder(output, decoder.config);
  const windows = goldenTokens(name).slice(0, 2);
  const { logits } = await onnx.run(windows.map((window) => [...window]));
  await onnx.session.release();
  const rows = logits.length / 2;
  return [1, 2].flatMap((row) => Array.from(logits.subarray(row * rows - 8 * decoder.config.vocabSize, row * rows)));
}

describe.skipIf(!goldenModels)('the shared slice of', () => {
  test.each([
    ['llama-gqa', 48, 'llama'],
    ['qwen2', 48, 'qwen2'],
    ['qwen3', 48, 'qwen3'],
    ['llama-gqa', 50, 'mistral'],
    ['qwen2', 50, 'qwen2'],
    ['llama3-rope', 50, 'mistral'],
  ])('%s at width %i, as %s', async (name, width, modelType) => {
    const decoder = await sliced(name, width);
    const own = await ownLogits(decoder, name);
    const onnx = await onnxLogits(decoder, name);
    expect(furthest(onnx, own)).toBeLessThan(1e-4);
    if (width === 48) {
      const golden = readFloat64(path.join(goldenModels!, name, 'shared.safetensors'), 'logits');
      expect(furthest(onnx, golden)).toBeLessThan(2e-3);
    }

    const folder = newPath('model');
    await writeSafetensorsFolder({ ...common, decoder, folder, type: 'F32', tokenizerFrom: null });
    const back = await decoderOf(folder);
    expect(back.architecture.name).toBe(modelType);
    expect(back.config.headDim).toBe(decoder.config.headDim);
    expect(furthest(await ownLogits(back, name), own)).toBeLessThan(1e-5);
  });
});
