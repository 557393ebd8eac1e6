// Log-probabilities [positions, V] after wanted positions of one window.
import type { HandlersOf } from '../../contract/define-api.ts';
import { AppError } from '../../contract/errors.ts';
import type { LlamaHostApi } from '../../contract/llama-host-api.ts';
import { runSettings, requireFile, requireWindows } from '../native/checks.ts';
import { runNative } from '../native/run-native.ts';

export const logProbs: HandlersOf<LlamaHostApi>['logProbs'] = async (
  { model, tokens, positions, settings },
  { signal },
) => {
  requireFile(model);
  requireWindows([tokens], 1);
  const wrong = positions.find((position) => position < 0 || position >= tokens.length);
  if (positions.length === 0 || wrong !== undefined) {
    throw new AppError('USAGE', `Positions must lie in 0 to ${tokens.length - 1}; found ${wrong ?? 'none'}.`, {
      positions,
    });
  }
  const options = { ...(await runSettings(settings)), model, tokens, positions: Int32Array.from(positions) };
  return runNative(
    { signal },
    {
      stage: 'evaluate',
      unit: 'tokens',
      details: { model },
      run: (addon, control) => addon.logProbs(options, control),
    },
  );
};
