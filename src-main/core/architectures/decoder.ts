// A model seen through its family: complete sizes, and every tensor in the part it plays. Reads no weights.
import { AppError, malformed } from '../../contract/errors.ts';
import type { ModelSource } from '../formats/model-source.ts';
import type { TensorEntry } from '../formats/tensor.ts';
import type { Architecture, DecoderConfig, LayerRole, LayerTensor, SizeName } from './architecture.ts';
import { globalTensors, ignoredTensors, shortcutNames } from './layer-tensors.ts';
import type { GlobalRole } from './layer-tensors.ts';
import { ModelFacts } from './model-facts.ts';
import { architectureOf } from './registry.ts';
import { readRopeScaling } from './rope.ts';

export interface Decoder {
  readonly model: ModelSource;
  readonly architecture: Architecture;
  readonly config: DecoderConfig;
  readonly embeddings: TensorEntry;
  readonly finalNorm: TensorEntry;
  /** The output layer's matrix [V, D]: the embeddings where they are tied. */
  readonly lmHead: TensorEntry;
  /** Divisors of the rotary frequencies [hd / 2], of GGUF files. */
  readonly ropeDivisors: TensorEntry | null;
  readonly layers: readonly ReadonlyMap<LayerRole, TensorEntry>[];
}

/**
 * Finds the family of an open model and its tensors.
 * @throws UNSUPPORTED_ARCHITECTURE when the family has no graphs, the model is a variant that its graphs would compute
 * wrongly, or a tensor has no part in them; FILE_MALFORMED when a size or tensor is missing or has a wrong shape
 */
export function openDecoder(model: ModelSource): Decoder {
  const { architecture, config } = describeModel(model);
  if (isSlicedPerBlock(model)) {
    const message = `${model.path} was sliced block by block: what is asked for needs a model that was not.`;
    throw new AppError('UNSUPPORTED_ARCHITECTURE', message, { path: model.path, architecture: architecture.name });
  }
  const tensors = new TensorClaims(model);
  const { hiddenSize, vocabSize, headDim } = config;
  const matrix = [hiddenSize, vocabSize];
  const embeddings = tensors.required(globalName('embeddings', model)!, matrix);
  const decoder = {
    model,
    architecture,
    config,
    embeddings,
    finalNorm: tensors.required(globalName('finalNorm', model)!, [hiddenSize]),
    lmHead: config.tiedEmbeddings ? embeddings : tensors.required(globalName('lmHead', model)!, matrix),
    ropeDivisors: tensors.optional(globalName('ropeDivisors', model), [headDim / 2]),
    layers: Array.from({ length: config.numHiddenLayers }, (_, layer) =>
      claimLayer(tensors, architecture, config, layer),
    ),
  };
  // A tied head may be saved a second time; Hugging Face's own loader ties it again.
  refuseStrays(tensors, decoder, config.tiedEmbeddings ? globalName('lmHead', model) : null);
  return decoder;
}

/** Whether an open model was sliced block by block (core/slicing/per-block): it has shortcuts. */
export const isSlicedPerBlock = ({ tensors }: Pick<ModelSource, 'tensors'>): boolean =>
  tensors.some(({ name }) => name.endsWith(`.${shortcutNames.attentionShortcut}`));

/** The family of an open model and its sizes. @throws UNSUPPORTED_ARCHITECTURE, FILE_MALFORMED as openDecoder */
export function describeModel(model: ModelSource): Pick<Decoder, 'architecture' | 'config'> {
  const architecture = architectureOf(model);
  const facts = new ModelFacts(model);
  for (const refuses of architecture.refuses) {
    const reason = refuses(facts);
    if (reason !== null) throw unsupported(model, architecture, reason);
  }
  return { architecture, config: readDecoderConfig(facts) };
}

/** @throws UNSUPPORTED_ARCHITECTURE naming a tensor that nobody claimed, but the one named `allowed` */
export function refuseStrays(
  tensors: TensorClaims,
  { model, architecture }: Pick<Decoder, 'model' | 'architecture'>,
  allowed: string | null = null,
): void {
  const stray = tensors.unclaimed().find(({ name }) => !ignoredTensors.test(name) && name !== allowed);
  if (stray) throw unsupported(model, architecture, `tensor ${stray.name} has no part in its graph`);
}

function unsupported(model: ModelSource, { name }: Architecture, reason: string): AppError {
  const message = `${model.path} is a ${name} model that Snug has no graph for: ${reason}.`;
  return new AppError('UNSUPPORTED_ARCHITECTURE', message, { path: model.path, architecture: name, reason });
}

const globalName = (role: GlobalRole, { kind }: ModelSource): string | null =>
  globalTensors[role][kind === 'gguf' ? 'gguf' : 'huggingFace'];

/** Name of a layer's tensor in a form of model. */
function layerTensorName(tensor: LayerTensor, layer: number, kind: ModelSource['kind']): string {
  return kind === 'gguf' ? `blk.${layer}.${tensor.gguf}` : `model.layers.${layer}.${tensor.huggingFace}`;
}

/** Sizes of a layer's tensor, fastest first. */
export function layerTensorShape({ shape }: LayerTensor, config: DecoderConfig): number[] {
  const sizes: Record<SizeName, number> = {
    hidden: config.hiddenSize,
    query: config.numAttentionHeads * config.headDim,
    keyValue: config.numKeyValueHeads * config.headDim,
    intermediate: config.intermediateSize,
    head: config.headDim,
  };
  return shape.map((size) => sizes[size]).toReversed();
}

function claimLayer(
  tensors: TensorClaims,
  architecture: Architecture,
  config: DecoderConfig,
  layer: number,
): ReadonlyMap<LayerRole, TensorEntry> {
  const found = new Map<LayerRole, TensorEntry>();
  for (const [role, tensor] of Object.entries(architecture.layer) as [LayerRole, LayerTensor][]) {
    const name = layerTensorName(tensor, layer, tensors.kind);
    const shape = layerTensorShape(tensor, config);
    const entry = tensor.isOptional ? tensors.optional(name, shape) : tensors.required(name, shape);
    if (entry) found.set(role, entry);
  }
  return found;
}

/** @throws FILE_MALFORMED naming a size that is missing or impossible */
function readDecoderConfig(facts: ModelFacts): DecoderConfig {
  const { config } = facts.model;
  const needed = (key: Exclude<keyof DecoderConfig, 'ropeScaling' | 'tiedEmbeddings'>): number =>
    config[key] ?? facts.malformed(key, 'a number above zero', null);
  const sizes = {
    hiddenSize: needed('hiddenSize'),
    numHiddenLayers: needed('numHiddenLayers'),
    numAttentionHeads: needed('numAttentionHeads'),
    numKeyValueHeads: needed('numKeyValueHeads'),
    headDim: needed('headDim'),
    intermediateSize: needed('intermediateSize'),
    vocabSize: needed('vocabSize'),
    normEps: needed('normEps'),
    // llama.cpp's and transformers' own default.
    ropeTheta: config.ropeTheta ?? 10_000,
  };
  const { headDim, numAttentionHeads, numKeyValueHeads } = sizes;
  if (headDim % 2 !== 0) facts.malformed('headDim', 'an even number', headDim);
  if (numAttentionHeads % numKeyValueHeads !== 0) {
    facts.malformed('numKeyValueHeads', `a divisor of ${numAttentionHeads} heads`, numKeyValueHeads);
  }
  return { ...sizes, ropeScaling: readRopeScaling(facts), tiedEmbeddings: config.tiedEmbeddings };
}

/** Tensors by name, each given out once. */
export class TensorClaims {
  readonly kind: ModelSource['kind'];
  readonly #path: string;
  readonly #left: Map<string, TensorEntry>;

  constructor(model: ModelSource) {
    this.kind = model.kind;
    this.#path = model.path;
    this.#left = new Map(model.tensors.map((entry) => [entry.name, entry]));
  }

  optional(name: string | null, shape: readonly number[]): TensorEntry | null {
    const entry = name === null ? undefined : this.#left.get(name);
    if (!entry) return null;
    if (entry.shape.join() !== shape.join()) {
      const [expected, actual] = [shape.join(' x '), entry.shape.join(' x ')];
      throw malformed(this.#path, `tensor ${entry.name}`, { expected, actual, tensor: entry.name });
    }
    this.#left.delete(entry.name);
    return entry;
  }

  required(name: string, shape: readonly number[]): TensorEntry {
    const entry = this.optional(name, shape);
    if (entry) return entry;
    throw malformed(this.#path, `tensor ${name}`, {
      expected: shape.join(' x '),
      actual: 'no such tensor',
      tensor: name,
    });
  }

  unclaimed(): TensorEntry[] {
    return [...this.#left.values()];
  }
}
