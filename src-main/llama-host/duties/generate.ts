// Text that the model writes after a prompt, greedy. Progress carries the text so far.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { LlamaHostApi } from '../../contract/llama-host-api.ts';
import { runSettings, peakMemoryBytes, requireFile } from '../native/checks.ts';
import { runNative } from '../native/run-native.ts';

export const generate: HandlersOf<LlamaHostApi>['generate'] = async ({ model, prompt, tokens, settings }, context) => {
  requireFile(model);
  const options = { ...(await runSettings(settings)), model, prompt, tokens };
  const written = await runNative(context, {
    stage: 'generate',
    unit: 'tokens',
    details: { model },
    run: (addon, control) => addon.generate(options, control),
  });
  return { text: new TextDecoder().decode(written.text), tokens: written.tokens, peakMemoryBytes: peakMemoryBytes() };
};
