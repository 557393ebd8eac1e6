// NLL of a candidate per token, and its distance to a reference.
import type { HandlersOf } from '../../contract/define-api.ts';
import { AppError } from '../../contract/errors.ts';
import type { LlamaHostApi, WindowComparison } from '../../contract/llama-host-api.ts';
import { runSettings, peakMemoryBytes, requireFile, requireWindows } from '../native/checks.ts';
import { runNative } from '../native/run-native.ts';

export const compare: HandlersOf<LlamaHostApi>['compare'] = async (
  { reference, candidate, windows, settings },
  context,
) => {
  for (const file of [reference, candidate]) if (file !== null) requireFile(file);
  requireWindows(windows, 2);
  const options = { ...(await runSettings(settings)), reference, candidate, windows };
  const {
    windows: compared,
    seconds,
    device,
  } = await runNative(context, {
    stage: 'evaluate',
    unit: 'tokens',
    details: { reference, candidate },
    run: (addon, control) => addon.compare(options, control),
  });
  compared.forEach((window, index) => requireFinite(window, index, candidate, reference));
  return { windows: compared, seconds, device, peakMemoryBytes: peakMemoryBytes() };
};

/** A NaN or infinite logit makes its token's figures so. @throws NON_FINITE that names file, window and token */
function requireFinite(
  { candidateNll, referenceNll }: WindowComparison,
  index: number,
  candidate: string,
  reference: string | null,
): void {
  const isBad = (value: number): boolean => !Number.isFinite(value);
  for (const [file, values] of [
    [reference, referenceNll],
    [candidate, candidateNll],
  ] as const) {
    const token = values?.findIndex(isBad) ?? -1;
    if (token < 0) continue;
    throw new AppError('NON_FINITE', `${file} gives no finite probability for token ${token + 1} of window ${index}.`, {
      file,
      window: index,
      token: token + 1,
    });
  }
}
