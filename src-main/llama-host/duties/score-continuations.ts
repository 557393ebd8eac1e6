// Sum of log-probabilities of each continuation after its context. `tokens` counts what was decoded: a beginning that an
// item shares with the one before it is decoded once.
import type { HandlersOf } from '../../contract/define-api.ts';
import { AppError } from '../../contract/errors.ts';
import type { LlamaHostApi } from '../../contract/llama-host-api.ts';
import { runSettings, requireFile, requireWindows } from '../native/checks.ts';
import { runNative } from '../native/run-native.ts';

export const scoreContinuations: HandlersOf<LlamaHostApi>['scoreContinuations'] = async (
  { model, items, settings },
  context,
) => {
  requireFile(model);
  const contexts = items.map((item) => item.context);
  const continuations = items.map((item) => item.continuation);
  requireWindows(contexts, 1);
  requireWindows(continuations, 1);
  const options = { ...(await runSettings(settings)), model, contexts, continuations };
  const result = await runNative(context, {
    stage: 'evaluate',
    unit: 'items',
    details: { model },
    run: (addon, control) => addon.scoreContinuations(options, control),
  });
  const item = result.logLikelihoods.findIndex((value) => Number.isNaN(value));
  if (item >= 0)
    throw new AppError('NON_FINITE', `${model} gives no finite probability for item ${item}.`, { file: model, item });
  return result;
};
