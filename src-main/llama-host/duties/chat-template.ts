// A question in the turns of a model's chat template.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { LlamaHostApi } from '../../contract/llama-host-api.ts';
import { runNative } from '../native/run-native.ts';

export const chatTemplate: HandlersOf<LlamaHostApi>['chatTemplate'] = async (options, context) => ({
  prompt: await runNative(
    { signal: context.signal },
    { stage: 'template', unit: 'items', details: {}, run: (addon, control) => addon.chatTemplate(options, control) },
  ),
});
