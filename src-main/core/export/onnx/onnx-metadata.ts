// What a written ONNX model says of itself beside its graph, in its metadata_props: `snug.model` (its architecture and
// sizes), of a slice `snug.slicing` (every width), and of one block by block `snug.config` (its folder's config.json: how it was
// sliced, and all that cutting it again needs), all JSON. The same model gives the same bytes.
import { z } from 'zod';
import { modelSizes } from '../../../contract/model.ts';
import { slicingConfig } from '../../../contract/results.ts';
import type { SlicingConfig } from '../../../contract/results.ts';
import { longestText } from '../../architectures/decoder.ts';
import type { JsonObject } from '../../formats/json-object.ts';
import type { ExportedForm } from './exported-form.ts';

export const modelKey = 'snug.model';
export const slicingKey = 'snug.slicing';
export const configKey = 'snug.config';

const modelFacts = modelSizes.extend({ architecture: z.string() });
/** Schemas of the values, parsed. */
export const metadataValues = {
  [modelKey]: modelFacts,
  [slicingKey]: slicingConfig,
  [configKey]: z.record(z.string(), z.unknown()),
};

/** The metadata of a model in its exported form. */
export function onnxMetadata(
  form: ExportedForm,
  slicing: SlicingConfig | null,
  configJson: JsonObject | null,
): Record<string, string> {
  const facts: z.infer<typeof modelFacts> = {
    ...form.model.config,
    contextLength: longestText(form),
    tiedEmbeddings: form.nameOf('lmHead') === form.nameOf('embeddings'),
  };
  const ordered = Object.fromEntries(
    Object.keys(modelFacts.shape).map((key) => [key, facts[key as keyof typeof facts]]),
  );
  return {
    [modelKey]: JSON.stringify(ordered),
    ...(slicing && { [slicingKey]: JSON.stringify(slicing) }),
    ...(configJson && { [configKey]: JSON.stringify(configJson) }),
  };
}
