// Grams that a method asks for (feed-forward Grams of an 8B model are 50 GB together) live one layer at a time.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { openDecoder } from '../../src-main/core/architectures/decoder.ts';
import { openModel } from '../../src-main/core/formats/model-source.ts';
import { forward } from '../../src-main/core/graph/forward.ts';
import { nativeDequantizer } from '../../src-main/worker/native/native-dequantizer.ts';
import { onnxRuntime } from '../../src-main/worker/onnx/onnx-runtime.ts';
import { someTokens } from '../llama-host/host.ts';
import { sampleModel } from '../support/paths.ts';

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('a layer’s Grams are gone when the next layer runs, if the caller drops them', async () => {
  const model = await openModel(sampleModel);
  const decoder = openDecoder(model);
  const { intermediateSize, numHiddenLayers } = decoder.config;
  const given: WeakRef<Float64Array>[] = [];
  const alive: number[] = [];
  await forward({
    ...{ decoder, windows: [someTokens(512, 1), someTokens(512, 2), someTokens(512, 3)], nll: false },
    ...{ runtime: onnxRuntime({ threads: 1 }), dequantize: nativeDequantizer(1), signal: new AbortController().signal },
    progress: () => {
      collectGarbage();
      alive.push(given.filter((gram) => gram.deref() !== undefined).length);
    },
    statistics: {
      grams: ['mlpOutputInput'],
      onLayer: ({ grams }) => {
        const gram = grams.get('mlpOutputInput')!;
        expect([...grams.keys()]).toEqual(['mlpOutputInput']);
        expect(gram).toHaveLength(intermediateSize ** 2);
        given.push(new WeakRef(gram));
      },
      onHead: () => {},
    },
  });
  await model.close();
  expect(given).toHaveLength(numHiddenLayers);
  expect(alive).toHaveLength(2 * numHiddenLayers);
  // Before it was awaited in the caller's frame, the Gram of the layer before was alive in the first run of each.
  expect(Math.max(...alive)).toBe(0);
});
