// Calibrates a model on its own block graphs: one file with the summed Gram, one with the importance of every column.
import { rm } from 'node:fs/promises';
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { openDecoder } from '../../core/architectures/decoder.ts';
import { memorySource } from '../../core/formats/byte-source.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { writeImportance } from '../../core/quantization/write-importance.ts';
import { collectSharedStatistics } from '../../core/calibration/collect-statistics.ts';
import type { SharedStatistics } from '../../core/calibration/collect-statistics.ts';
import { writeGram } from '../../core/calibration/gram-file.ts';
import { nativeDequantizer } from '../native/native-dequantizer.ts';
import { onnxRuntime } from '../onnx/onnx-runtime.ts';
import { peakMemoryBytes } from '../peak-memory.ts';

export const blockStatistics: HandlersOf<WorkerApi>['blockStatistics'] = async (params, { signal, progress }) => {
  const { source, windows, threads, gram, importance, datasets } = params;
  const start = performance.now();
  const model = await openModel(source);
  try {
    const decoder = openDecoder(model);
    const runtime = onnxRuntime({ threads });
    const dequantize = nativeDequantizer(threads);
    const found = await collectSharedStatistics({ decoder, windows, runtime, dequantize, signal, progress });
    const { tokens, sites } = found;
    await writeGram(gram, { gram: found.gram, size: decoder.config.hiddenSize, tokens, sites });
    const chunks = { datasets, chunks: windows.length, chunkSize: windows[0]!.length };
    try {
      await writeImportance({ ...rawImportance(found), ...chunks, output: importance, signal });
    } catch (error) {
      await rm(gram); // both files or none
      throw error;
    }
    const seconds = (performance.now() - start) / 1000;
    return { tokens, sites, seconds, peakMemoryBytes: peakMemoryBytes() };
  } finally {
    await model.close();
  }
};

/** Sums and counts as the llama host lays them out. */
function rawImportance({
  squares,
  tokens,
}: SharedStatistics): Pick<Parameters<typeof writeImportance>[0], 'raw' | 'entries'> {
  let offset = 0;
  const entries = Array.from(squares, ([name, { length: columns }]) => {
    const entry = { name, columns, slices: 1, offset };
    offset += columns + 1;
    return entry;
  });
  const values = new Float32Array(offset);
  for (const { name, columns, offset: place } of entries) {
    values.set(squares.get(name)!, place);
    values[place + columns] = tokens;
  }
  return { raw: memorySource('block statistics', new Uint8Array(values.buffer)), entries };
}
