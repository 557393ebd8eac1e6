// Token ids of texts, by the file's own tokenizer.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { LlamaHostApi } from '../../contract/llama-host-api.ts';
import { requireFile } from '../native/checks.ts';
import { runNative } from '../native/run-native.ts';

export const tokenize: HandlersOf<LlamaHostApi>['tokenize'] = async (params, { signal }) => {
  requireFile(params.model);
  const ids = await runNative(
    { signal },
    {
      stage: 'tokenize',
      unit: 'items',
      details: { model: params.model },
      run: (addon, control) => addon.tokenize(params, control),
    },
  );
  return { ids };
};
