// llama.cpp's own quantiser, as the tests' oracle and the benchmarks' rival. Snug's files are written by the worker.
import { AppError } from '../../contract/errors.ts';
import { fileTypes } from './file-types.ts';
import { reasonIn } from './native-error.ts';
import { runNative } from './run-native.ts';
import { physicalCores } from './threads.ts';

export interface ReferenceQuantization {
  input: string;
  output: string;
  /** Name of a mix, for example Q4_K_M. */
  mix: string;
  pure?: boolean;
  /** Allows sources that are quantised already. */
  allowRequantize?: boolean;
  threads?: number;
  /** Mean squares [slices, columns] float32 per weight. */
  importance?: { name: string; values: Float32Array }[];
}

/** Writes `output` and returns llama.cpp's log. It cannot be cancelled. @throws LLAMA_FAILED with llama.cpp's reason */
export async function quantizeReference({ input, output, mix, ...rest }: ReferenceQuantization): Promise<string> {
  const fileType = fileTypes[mix];
  if (fileType === undefined) throw new AppError('USAGE', `llama.cpp has no mix ${mix}.`, { mix });
  const { pure = false, allowRequantize = false, threads = physicalCores(), importance = [] } = rest;
  const options = { input, output, fileType, pure, allowRequantize, threads, importance, dryRun: false };
  const { succeeded, log } = await runNative(
    { signal: new AbortController().signal },
    {
      stage: 'quantize',
      unit: 'items',
      details: { input, output },
      run: (addon, control) => addon.quantize(options, control),
    },
  );
  if (!succeeded)
    throw new AppError(
      'LLAMA_FAILED',
      `llama.cpp cannot quantise ${input} to ${mix}: ${reasonIn(log) ?? 'no reason given'}.`,
      { input, log },
    );
  return log;
}
