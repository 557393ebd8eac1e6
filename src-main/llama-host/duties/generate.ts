// Text that the model writes after a prompt. Progress carries the text so far.
import type { HandlersOf } from '../../contract/define-api.ts';
import type { LlamaHostApi } from '../../contract/llama-host-api.ts';
import { runSettings, peakMemoryBytes, requireFile } from '../native/checks.ts';
import { runNative } from '../native/run-native.ts';

export const generate: HandlersOf<LlamaHostApi>['generate'] = async (wanted, context) => {
  const { model, prompt, tokens, temperature = 0, seed = 0, settings } = wanted;
  requireFile(model);
  const options = { ...(await runSettings(settings)), model, prompt, tokens, temperature, seed };
  const { text, stopped, ...written } = await runNative(context, {
    stage: 'generate',
    unit: 'tokens',
    details: { model },
    run: (addon, control) => addon.generate(options, control),
  });
  return {
    ...written,
    text: new TextDecoder().decode(text),
    endedBy: stopped ? 'stop' : 'limit',
    peakMemoryBytes: peakMemoryBytes(),
  };
};
