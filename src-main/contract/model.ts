// What `inspect` says of a model.
import { z } from 'zod';
import { hubModels } from './hub-model.ts';
import { slicingConfig } from './results.ts';
import { bytes } from './units.ts';

const optionalInteger = z.number().int().nullable();
/** true, or the reason why not. */
const ability = z.union([z.literal(true), z.string()]);

export const modelSizes = z.object({
  hiddenSize: optionalInteger,
  numHiddenLayers: optionalInteger,
  numAttentionHeads: optionalInteger,
  numKeyValueHeads: optionalInteger,
  headDim: optionalInteger,
  intermediateSize: optionalInteger,
  vocabSize: optionalInteger,
  contextLength: optionalInteger,
  ropeTheta: z.number().nullable(),
  normEps: z.number().nullable(),
  tiedEmbeddings: z.boolean(),
});

export const inspection = z.object({
  path: z.string(),
  format: z.enum(['gguf', 'safetensors', 'sliced', 'onnx']),
  architecture: z.string(),
  parameters: z.number().int(),
  fileBytes: bytes,
  tensorTypes: z.record(z.string(), z.number().int()),
  config: modelSizes,
  tokenizer: z.object({ model: z.string(), pre: z.string().nullable(), vocabSize: z.number().int() }).nullable(),
  can: z.object({
    slicePerBlock: ability,
    sliceShared: ability,
    prune: ability,
    dropLayers: ability,
    importance: ability,
    quantize: ability,
  }),
  /** Of a folder or an ONNX file that `slice` wrote: every width of its model. */
  widths: slicingConfig.nullable(),
  ...hubModels,
  /** `OWNER/NAME` on the hub that the model is, as its address or its file says; null where neither does. */
  repository: z.string().nullable(),
  experts: z.object({ count: z.number().int(), used: z.number().int(), sharedCount: z.number().int() }).nullable(),
  warnings: z.array(z.string()),
});
export type Inspection = z.infer<typeof inspection>;
