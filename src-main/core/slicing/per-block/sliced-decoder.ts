// A model sliced block by block, seen through its family: tensors by their part, widths by site. Reads no weights.
import { AppError, malformed } from '../../../contract/errors.ts';
import type { SlicingConfig } from '../../../contract/results.ts';
import type { LayerRole, LayerTensor, LinearRole } from '../../architectures/architecture.ts';
import { describeModel, layerTensorShape, refuseStrays, TensorClaims } from '../../architectures/decoder.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import { globalTensors, shortcutNames } from '../../architectures/layer-tensors.ts';
import { layerTensorName } from '../../export/weights/decoder-tensors.ts';
import type { ModelSource } from '../../formats/model-source.ts';
import type { TensorEntry, TensorShape } from '../../formats/tensor.ts';
import { blockSteps } from './block-steps.ts';
import type { BlockStep, SlicedRole } from './block-steps.ts';
import { siteLayout, siteWidths } from './site-widths.ts';
import type { StepWidths } from './sliced-graphs.ts';

export interface SlicedDecoder extends Pick<Decoder, 'model' | 'architecture' | 'config' | 'embeddings' | 'lmHead'> {
  readonly slicing: SlicingConfig;
  /** Of all sites, in order. config.hiddenSize is still that of the dense model: norms divide by it. */
  readonly widths: readonly number[];
  readonly layers: readonly ReadonlyMap<SlicedRole, TensorEntry>[];
}

type Described = Pick<Decoder, 'architecture' | 'config'>;

/** Widths of the steps of one layer. */
export function layerWidths({ architecture }: Described, widths: readonly number[], layer: number): StepWidths[] {
  const steps = blockSteps(architecture).length;
  return Array.from({ length: steps }, (_, step) => {
    const site = layer * steps + step;
    return { input: widths[site]!, output: widths[site + 1]! };
  });
}

/** Sizes, fastest first, that a role's tensor of the dense sizes `shape` has between sites of these widths. */
function slicedShape(role: LayerRole, shape: readonly number[], step: BlockStep, widths: StepWidths): number[] {
  if (step.inputs.includes(role as LinearRole)) return [widths.input, ...shape.slice(1)];
  const writes = step.outputs.some((linear) => role === linear || role === `${linear}Bias`);
  return writes ? [...shape.slice(0, -1), widths.output] : [...shape];
}

/** A layer's tensors of a sliced model: names of Hugging Face, shapes. `has` says which of the dense ones are there. */
function layerTensors(
  described: Described,
  widths: readonly number[],
  layer: number,
): { role: SlicedRole; name: string; shape: number[]; isOptional: boolean }[] {
  const { architecture, config } = described;
  const steps = blockSteps(architecture);
  const ownWidths = layerWidths(described, widths, layer);
  const roles = (Object.entries(architecture.layer) as [LayerRole, LayerTensor][]).flatMap(([role, tensor]) => {
    if (role === 'attentionNorm' || role === 'mlpNorm') return [];
    const step = steps.findIndex(({ inputs, outputs }) =>
      [...inputs, ...outputs].some((linear) => role === linear || role === `${linear}Bias`),
    );
    const shape = layerTensorShape(tensor, config);
    const sliced = step === -1 ? shape : slicedShape(role, shape, steps[step]!, ownWidths[step]!);
    const { isOptional } = tensor;
    return [{ role, name: layerTensorName(described, layer, role), shape: sliced, isOptional }];
  });
  const shortcuts = steps.map(({ shortcut }, step) => ({
    role: shortcut,
    name: `model.layers.${layer}.${shortcutNames[shortcut]}`,
    // x·S with x in rows: [n, o], as the released code saves it.
    shape: [ownWidths[step]!.output, ownWidths[step]!.input],
    isOptional: false,
  }));
  return [...roles, ...shortcuts];
}

/** Every tensor of `decoder` sliced to these widths: names of Hugging Face, shapes with the fastest first. */
export function slicedTensors(
  decoder: Described & { layers: readonly Pick<ReadonlyMap<string, unknown>, 'has'>[] },
  widths: readonly number[],
): Omit<TensorShape, 'type'>[] {
  const { vocabSize } = decoder.config;
  const layers = decoder.layers.flatMap((entries, layer) =>
    layerTensors(decoder, widths, layer).filter(({ role, isOptional }) => !isOptional || entries.has(role)),
  );
  return [
    { name: globalTensors.embeddings.huggingFace, shape: [widths[0]!, vocabSize] },
    ...layers.map(({ name, shape }) => ({ name, shape })),
    { name: globalTensors.lmHead.huggingFace, shape: [widths.at(-1)!, vocabSize] },
  ];
}

/**
 * Finds the tensors of a sliced model. `file` is what errors call the widths' source.
 * @throws UNSUPPORTED_ARCHITECTURE as openDecoder; FILE_MALFORMED when widths do not meet, or a tensor is missing or has
 * another shape than they say
 */
export function openSlicedDecoder(model: ModelSource, slicing: SlicingConfig, file: string): SlicedDecoder {
  const described = describeModel(model);
  const { architecture, config } = described;
  const widths = widthsOf(slicing, described, file);
  const tensors = new TensorClaims(model);
  const global = (role: 'embeddings' | 'lmHead', width: number): TensorEntry =>
    tensors.required(globalTensors[role].huggingFace, [width, config.vocabSize]);
  const decoder = {
    ...{ model, architecture, config: { ...config, tiedEmbeddings: false }, slicing, widths },
    embeddings: global('embeddings', widths[0]!),
    lmHead: global('lmHead', widths.at(-1)!),
    layers: Array.from({ length: config.numHiddenLayers }, (_, layer) => {
      const found = new Map<SlicedRole, TensorEntry>();
      for (const { role, name, shape, isOptional } of layerTensors(described, widths, layer)) {
        const entry = isOptional ? tensors.optional(name, shape) : tensors.required(name, shape);
        if (entry) found.set(role, entry);
      }
      return found;
    }),
  };
  refuseStrays(tensors, decoder);
  return decoder;
}

function widthsOf(slicing: SlicingConfig, described: Described, file: string): number[] {
  try {
    return siteWidths(slicing, siteLayout(described));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw malformed(file, 'widths', { expected: "the model's, site by site", actual: error.message, ...error.details });
  }
}
