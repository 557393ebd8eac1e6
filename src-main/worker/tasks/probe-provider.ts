// Tries an execution provider on tiny graphs.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { adapterOf, loadedLibraries } from '../onnx/adapter.ts';
import { onnxRuntime } from '../onnx/onnx-runtime.ts';
import { probe } from '../onnx/probe.ts';

export const probeProvider: HandlersOf<WorkerApi>['probeProvider'] = ({ provider, threads, thorough }) =>
  probe({
    ...{ provider, thorough },
    probed: onnxRuntime({ provider, threads }),
    reference: onnxRuntime({ threads }),
    adapter: () => adapterOf(loadedLibraries()),
  });
