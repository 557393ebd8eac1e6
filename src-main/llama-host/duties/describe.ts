// Facts of a model file, by a vocabulary-only load. `isRecurrent` counts hybrids: their state cannot drop a tail.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { LlamaHostApi } from '../../contract/llama-host-api.ts';
import { requireFile } from '../native/checks.ts';
import { runNative } from '../native/run-native.ts';

export const describe: HandlersOf<LlamaHostApi>['describe'] = ({ model }, { signal }) => {
  requireFile(model);
  return runNative(
    { signal },
    { stage: 'open', unit: 'items', details: { model }, run: (addon, control) => addon.describe({ model }, control) },
  );
};
