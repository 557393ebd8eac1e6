// Models and forward passes of tests: opened through their family, run on one thread, closed after each test.
import { afterEach } from 'vitest';
import { openDecoder } from '../../src-main/core/architectures/decoder.ts';
import type { Decoder } from '../../src-main/core/architectures/decoder.ts';
import { openModel } from '../../src-main/core/formats/model-source.ts';
import type { ModelSource } from '../../src-main/core/formats/model-source.ts';
import { forward } from '../../src-main/core/graph/forward.ts';
import type { ForwardOptions, ForwardResult } from '../../src-main/core/graph/forward.ts';
import { nativeDequantizer } from '../../src-main/worker/native/native-dequantizer.ts';
import { onnxRuntime } from '../../src-main/worker/onnx/onnx-runtime.ts';

const opened: ModelSource[] = [];
afterEach(async () => {
  for (const model of opened.splice(0)) await model.close();
});

/** Only inside a test. */
export async function modelOf(file: string): Promise<ModelSource> {
  const model = await openModel(file);
  opened.push(model);
  return model;
}

/** Only inside a test. */
export const decoderOf = async (file: string): Promise<Decoder> => openDecoder(await modelOf(file));

/** What a pass needs besides a model and tokens. */
export const oneThread = {
  runtime: onnxRuntime({ threads: 1 }),
  dequantize: nativeDequantizer(1),
  signal: new AbortController().signal,
};

export const run = (
  decoder: Decoder,
  windows: readonly Int32Array[],
  more: Partial<ForwardOptions> = {},
): Promise<ForwardResult> => forward({ decoder, windows, ...oneThread, ...more });
