// How a model was sliced block by block, which its weights do not show. It stands in its config.json under `snug`, because
// slicing.json has the keys of SliceGPT's SlicingConfig and no others, and in an ONNX model's metadata.
import { z } from 'zod';
import { AppError, malformed } from '../../../contract/errors.ts';
import { orientation, precision, signals } from '../../../contract/recipe.ts';
import { configFileOf } from '../../formats/model-source.ts';
import type { ModelSource } from '../../formats/model-source.ts';

/** Of the method: another one where the same options cut otherwise. */
export const methodVersion = 1;

export const sliceProvenance = z.object({
  version: z.number().int().positive().max(methodVersion),
  orientation,
  signals,
  precision,
  paperCompat: z.boolean(),
  seed: z.number().int().nonnegative(),
});
export type SliceProvenance = z.infer<typeof sliceProvenance>;

/** The key of config.json, whose value has the provenance as `slicing`. */
export const provenanceKey = 'snug';
const provenanceValue = z.object({ slicing: sliceProvenance });
const anyVersion = z.object({ slicing: z.object({ version: z.number() }) });

/** @throws UNSUPPORTED_ARCHITECTURE where a later method made the slice, whose keys may mean anything */
function refuseLater(value: unknown, file: string): void {
  const found = anyVersion.safeParse(value).data?.slicing.version;
  if (found === undefined || found <= methodVersion) return;
  const message = `${file} says that the model was sliced by version ${found} of the method, and this Snug knows version ${methodVersion}: open it with a newer Snug.`;
  throw new AppError('UNSUPPORTED_ARCHITECTURE', message, { path: file, version: found, known: methodVersion });
}

/** How an open model was sliced; null where its config.json does not say. @throws FILE_MALFORMED naming the key */
export function provenanceOf({ path, configJson }: ModelSource): SliceProvenance | null {
  const value = configJson?.[provenanceKey];
  if (value === undefined) return null;
  const parsed = provenanceValue.safeParse(value);
  if (parsed.success) return parsed.data.slicing;
  refuseLater(value, configFileOf(path));
  const [issue] = parsed.error.issues;
  const where = [provenanceKey, ...issue!.path].join('.');
  throw malformed(configFileOf(path), where, {
    ...{ expected: 'how the model was sliced', actual: issue!.message },
  });
}
