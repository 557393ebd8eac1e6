// Log-probabilities after wanted positions of one window, by the model's own block graphs.
import type { HandlersOf } from '../../contract/define-api.ts';
import { AppError } from '../../contract/errors.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { forward } from '../../core/graph/forward.ts';
import { isSliced } from '../../core/graph/hidden-states.ts';
import { openRunnable } from '../../core/slicing/per-block/sliced-folder.ts';
import { slicedForward } from '../../core/slicing/per-block/sliced-forward.ts';
import { nativeDequantizer } from '../native/native-dequantizer.ts';
import { onnxRuntime } from '../onnx/onnx-runtime.ts';

export const blockLogProbs: HandlersOf<WorkerApi>['blockLogProbs'] = async (params, { signal }) => {
  const { tokens, threads, provider } = params;
  const wrong = params.positions.find((position) => position >= tokens.length);
  if (wrong !== undefined) {
    const message = `Positions must lie in 0 to ${tokens.length - 1}; found ${wrong}.`;
    throw new AppError('USAGE', message, { positions: params.positions });
  }
  const model = await openModel(params.model);
  try {
    const decoder = await openRunnable(model);
    const pass = {
      windows: [tokens],
      runtime: onnxRuntime({ provider, threads }),
      dequantize: nativeDequantizer(threads),
      nll: false,
      positions: params.positions.map((position) => ({ window: 0, position })),
      signal,
    };
    const { rows } = await (isSliced(decoder) ? slicedForward({ ...pass, decoder }) : forward({ ...pass, decoder }));
    return { logProbs: rows };
  } finally {
    await model.close();
  }
};
