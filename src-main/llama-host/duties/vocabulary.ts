// Every token's text, by the file's own tokenizer.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { LlamaHostApi } from '../../contract/llama-host-api.ts';
import { requireFile } from '../native/checks.ts';
import { runNative } from '../native/run-native.ts';

export const vocabulary: HandlersOf<LlamaHostApi>['vocabulary'] = async ({ model }, { signal }) => {
  requireFile(model);
  return runNative(
    { signal },
    {
      stage: 'tokenize',
      unit: 'items',
      details: { model },
      run: (addon, control) => addon.vocabulary({ model }, control),
    },
  );
};
