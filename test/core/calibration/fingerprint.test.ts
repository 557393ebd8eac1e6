// What a calibration is called depends on everything that decides its result, and on nothing else.
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openDecoder } from '../../../src-main/core/architectures/decoder.ts';
import { calibrationFingerprint } from '../../../src-main/core/calibration/fingerprint.ts';
import type { FingerprintRequest } from '../../../src-main/core/calibration/fingerprint.ts';
import { openModel } from '../../../src-main/core/formats/model-source.ts';
import type { Progress } from '../../../src-main/contract/progress.ts';
import { withElement, withMetadata } from '../../support/broken-models.ts';
import { sampleModel } from '../../support/paths.ts';
import { temporaryFolder } from '../formats/temporary-folder.ts';

const folder = temporaryFolder();
const windows = [Int32Array.of(1, 2, 3), Int32Array.of(4, 5, 6)];
const settings = { provider: 'cpu', threads: 2, onnxruntime: '1.2.3' };

async function fingerprint(source = sampleModel, change: Partial<FingerprintRequest> = {}): Promise<string> {
  const model = await openModel(source);
  try {
    const decoder = openDecoder(model);
    const { signal } = new AbortController();
    return await calibrationFingerprint({ decoder, windows, settings, signal, progress: () => {}, ...change });
  } finally {
    await model.close();
  }
}

test('stays with the content: another path, other order of settings', async () => {
  const copy = path.join(folder, 'copy.gguf');
  copyFileSync(sampleModel, copy);
  const own = await fingerprint();
  expect(own).toMatch(/^[0-9a-f]{64}$/);
  expect(await fingerprint(copy)).toBe(own);
  expect(await fingerprint(sampleModel, { settings: { onnxruntime: '1.2.3', threads: 2, provider: 'cpu' } })).toBe(own);
});

test('changes with a weight, the config, a token, the cut into windows, a setting', async () => {
  const weight = path.join(folder, 'weight.gguf');
  await withElement(weight, 'blk.3.ffn_down.weight', 1234, 0x1234);
  const config = path.join(folder, 'config.gguf');
  await withMetadata(sampleModel, config, (metadata) =>
    metadata.set('llama.rope.freq_base', { type: 'float32', value: 12345 }),
  );
  const found = [
    await fingerprint(),
    await fingerprint(weight),
    await fingerprint(config),
    await fingerprint(sampleModel, { windows: [Int32Array.of(1, 2, 3), Int32Array.of(4, 5, 7)] }),
    await fingerprint(sampleModel, { windows: [Int32Array.of(1, 2), Int32Array.of(3, 4), Int32Array.of(5, 6)] }),
    await fingerprint(sampleModel, { settings: { ...settings, threads: 1 } }),
    await fingerprint(sampleModel, { settings: { ...settings, onnxruntime: '1.2.4' } }),
  ];
  expect(new Set(found).size).toBe(found.length);
});

test('progress counts all bytes of the tensors; a cancel stops it', async () => {
  const told: Progress[] = [];
  await fingerprint(sampleModel, { progress: (progress) => told.push(progress) });
  expect(told.at(-1)).toMatchObject({ stage: 'fingerprint', unit: 'bytes', done: told[0]!.total });
  const controller = new AbortController();
  const stopped = fingerprint(sampleModel, { signal: controller.signal, progress: () => controller.abort() });
  await expect(stopped).rejects.toThrow(/abort/i);
});
