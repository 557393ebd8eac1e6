// Types per tensor of named mixes: a dry run of llama.cpp's quantiser, whose log names tensor and target type.
// (llama_quant_compute_types would give them without a log, but does not know that importance is there.)
import type { HandlersOf } from '../../contract/define-api.ts';
import { AppError } from '../../contract/errors.ts';
import type { LlamaHostApi } from '../../contract/llama-host-api.ts';
import type { NativeQuantizeOptions } from '../native/addon-types.ts';
import { requireFile } from '../native/checks.ts';
import { fileTypes } from '../native/file-types.ts';
import { reasonIn } from '../native/native-error.ts';
import { runNative } from '../native/run-native.ts';

type Handler = HandlersOf<LlamaHostApi>['mixTypes'];
type MixResult = Awaited<ReturnType<Handler>>['results'][number];

/** Only that importance is present matters to the choice of types. */
const presentImportance = [{ name: 'present', values: new Float32Array([1]) }];

export const mixTypes: Handler = async ({ model, mixes }, { signal }) => {
  requireFile(model);
  const results: MixResult[] = [];
  for (const { name, pure, importance } of mixes) {
    const fileType = fileTypes[name];
    if (fileType === undefined) {
      const reason = `llama.cpp has no mix ${name}; it has ${Object.keys(fileTypes).join(', ')}`;
      results.push({ name, types: null, reason, needsImportance: false });
      continue;
    }
    const options: NativeQuantizeOptions = {
      input: model,
      output: '',
      fileType,
      pure,
      dryRun: true,
      allowRequantize: true,
      threads: 1,
      importance: importance ? presentImportance : [],
    };
    const { succeeded, log } = await runNative(
      { signal },
      {
        stage: 'plan',
        unit: 'items',
        details: { model, mix: name },
        run: (addon, control) => addon.quantize(options, control),
      },
    );
    results.push({ name, ...readDryRun(succeeded, log) });
  }
  return { results };
};

// [   5/ 272] blk.0.attn_k.weight   - [  576,   192,     1,     1], type =    f16, size =    0.21 MiB ->     0.07 MiB (q5_0)
const tensorLine = /^\[ *\d+\/ *(\d+)\] (\S+) +- \[[^\]]*\], type = +(\S+), size = [^(\n]*(?:\((\S+)\))?$/gm;
const needsImportance = /will require an imatrix/;

/** Types of all tensors in the log of a dry run, or why there are none. */
export function readDryRun(succeeded: boolean, log: string): Omit<MixResult, 'name'> {
  if (!succeeded)
    return { types: null, reason: reasonIn(log) ?? 'llama.cpp refuses it without a reason', needsImportance: false };
  if (needsImportance.test(log)) return { types: null, reason: 'it needs importance', needsImportance: true };
  const lines = [...log.matchAll(tensorLine)];
  const types = Object.fromEntries(lines.map(([, , name, type, target]) => [name!, (target ?? type!).toUpperCase()]));
  // A line that was not understood would be a tensor that silently keeps its type.
  if (Object.keys(types).length !== Number(lines[0]?.[1])) {
    throw new AppError(
      'INTERNAL',
      `llama.cpp's list of tensors was not understood: ${lines.length} lines of ${lines[0]?.[1] ?? 'none'}.`,
      { log },
    );
  }
  return { types, reason: null, needsImportance: false };
}
