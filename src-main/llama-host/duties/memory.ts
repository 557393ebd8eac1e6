// Memory per buffer type for combinations of a file's header and settings, exactly as llama.cpp would allocate it.
import type { HandlersOf } from '../../contract/define-api.ts';
import { AppError } from '../../contract/errors.ts';
import type { LlamaHostApi, MemoryPart } from '../../contract/llama-host-api.ts';
import type { NativeMemoryRequest } from '../native/addon-types.ts';
import { sizeSettings, requireFile } from '../native/checks.ts';
import { runNative } from '../native/run-native.ts';

export const memory: HandlersOf<LlamaHostApi>['memory'] = async ({ requests }, context) => {
  const natives = requests.map(({ header, context: length, microBatch, settings }): NativeMemoryRequest => {
    requireFile(header);
    if (length < 1 || microBatch < 1) {
      throw new AppError('USAGE', `A context of ${length} tokens in batches of ${microBatch} is not possible.`, {
        header,
      });
    }
    return { ...sizeSettings(settings), header, context: length, microBatch };
  });
  if (natives.length === 0) return { results: [] };
  const order = natives.map((_, index) => index).sort((a, b) => compareLoads(natives[a]!, natives[b]!));
  const sorted = order.map((index) => natives[index]!);
  const found = await runNative(context, {
    stage: 'plan',
    unit: 'items',
    details: { headers: [...new Set(natives.map(({ header }) => header))] },
    run: (addon, control) => addon.memory({ requests: sorted, loadWeights: false }, control),
  });
  const results: MemoryPart[][] = natives.map(() => []);
  order.forEach((index, position) => (results[index] = found[position]!));
  return { results };
};

/** Requests that load a file alike follow each other, and so share the load; the sort is stable. */
function compareLoads(a: NativeMemoryRequest, b: NativeMemoryRequest): number {
  return (
    (a.header < b.header ? -1 : a.header > b.header ? 1 : 0) ||
    a.gpuLayers - b.gpuLayers ||
    a.cpuExpertLayers - b.cpuExpertLayers
  );
}
