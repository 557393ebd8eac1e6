// Reads every tensor of a model once.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { WorkerApi } from '../../contract/worker-api.ts';
import { openModel } from '../../core/formats/model-source.ts';
import { checkModel } from '../../core/quantization/check-model.ts';
import { nativeQuantizer } from '../native/native-quantizer.ts';

export const checkWeights: HandlersOf<WorkerApi>['checkWeights'] = async (
  { source, threads },
  { signal, progress },
) => {
  const quantizer = nativeQuantizer(threads);
  const model = await openModel(source);
  try {
    return await checkModel({ model, quantizer, signal, progress });
  } finally {
    await model.close();
  }
};
