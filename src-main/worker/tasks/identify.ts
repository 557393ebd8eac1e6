// What this worker can do: ggml's types, and where ONNX graphs could run.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { typesNeedingImportance } from '../../core/quantization/quantize-plan.ts';
import { openGgml } from '../native/native-quantizer.ts';

export const identify: HandlersOf<WorkerApi>['identify'] = async () => {
  const { version, types } = openGgml();
  const rows = Array.from(types, ([name, type]) => ({
    ...type,
    name,
    requiresImportance: type.requiresImportance || typesNeedingImportance.has(name),
  }));
  return { ggmlVersion: version, types: rows, onnxProviders: await onnxProviders() };
};

/** Names of onnxruntime's execution providers; empty where the package is not installed or has no binary here. */
async function onnxProviders(): Promise<string[]> {
  try {
    const { listSupportedBackends } = await import('onnxruntime-node');
    return listSupportedBackends().map(({ name }) => name);
  } catch {
    return [];
  }
}
