// A model seen through its family: complete sizes, and every tensor in the part it plays. Reads no weights.
import { AppError, malformed } from '../../contract/errors.ts';
import type { ModelHeader, ModelSource } from '../formats/model-source.ts';
import type { TensorEntry } from '../formats/tensor.ts';
import { tensorRows } from '../formats/tensor.ts';
import type { Architecture, DecoderConfig, GlobalRole, LayerRole, LayerTensor, SizeName } from './architecture.ts';
import { ignoredTensors, shortcutNames } from './layer-tensors.ts';
import { ModelFacts } from './model-facts.ts';
import { postNormReason } from './post-norm.ts';
import { activeWindow, readActivation } from './refusals.ts';
import { architectureOf, findArchitecture } from './registry.ts';
import { readRopeScaling, rotaryDimensions } from './rope.ts';

export interface Decoder {
  readonly model: ModelSource;
  readonly architecture: Architecture;
  readonly config: DecoderConfig;
  readonly embeddings: TensorEntry;
  /** Rows that are added to those of the embeddings [P, D], where places are learned: from position 0 on. */
  readonly positions: TensorEntry | null;
  readonly finalNorm: TensorEntry;
  readonly finalNormBias: TensorEntry | null;
  /** The output layer's matrix [V, D]: the embeddings where they are tied. */
  readonly lmHead: TensorEntry;
  readonly lmHeadBias: TensorEntry | null;
  /** Divisors of the rotary frequencies [r / 2], of GGUF files. */
  readonly ropeDivisors: TensorEntry | null;
  /** Of a tensor that holds several linears, each has its rows. */
  readonly layers: readonly ReadonlyMap<LayerRole, TensorEntry>[];
}

/** Tokens of the longest text that a model can see rightly; null where it is not known or there is no end. */
export function longestText({
  model,
  config,
}: {
  model: Pick<ModelHeader, 'config'>;
  config: Pick<DecoderConfig, 'longestWindow'>;
}): number | null {
  const lengths = [config.longestWindow, model.config.contextLength].filter((length) => length !== null);
  return lengths.length === 0 ? null : Math.min(...lengths);
}

/** The same of a header alone, whose family may have no graphs. */
export function longestTextOf(model: ModelHeader): number | null {
  const family = findArchitecture(model);
  const longestWindow = family && windowBound(new ModelFacts(model), family);
  return longestText({ model, config: { longestWindow } });
}

/** Tokens that a family's window leaves alone, null for any. llama.cpp ignores it, so a GGUF is run without. */
const windowBound = (facts: ModelFacts, family: Architecture): number | null =>
  family.slidingWindow && !facts.isGguf ? activeWindow(facts, family) : null;

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
  const { hiddenSize, vocabSize, rotaryDim } = config;
  const name = (role: GlobalRole): string | null =>
    architecture.globals[role]?.[model.kind === 'gguf' ? 'gguf' : 'huggingFace'] ?? null;
  const required = (role: GlobalRole, shape: readonly number[]): TensorEntry => tensors.required(name(role)!, shape);
  const declared = (role: GlobalRole, shape: readonly number[]): TensorEntry | null =>
    name(role) === null ? null : required(role, shape);
  const matrix = [hiddenSize, vocabSize];
  const embeddings = required('embeddings', matrix);
  const decoder = {
    model,
    architecture,
    config,
    embeddings,
    positions: claimPositions(tensors, name('positions'), architecture, config),
    finalNorm: required('finalNorm', [hiddenSize]),
    finalNormBias: declared('finalNormBias', [hiddenSize]),
    lmHead: config.tiedEmbeddings ? embeddings : required('lmHead', matrix),
    lmHeadBias: declared('lmHeadBias', [vocabSize]),
    ropeDivisors: tensors.optional(name('ropeDivisors'), [rotaryDim / 2]),
    layers: Array.from({ length: config.numHiddenLayers }, (_, layer) =>
      claimLayer(tensors, architecture, config, layer),
    ),
  };
  // A tied head may be saved a second time; Hugging Face's own loader ties it again.
  refuseStrays(tensors, decoder, config.tiedEmbeddings ? name('lmHead') : null);
  return decoder;
}

/** Whether an open model was sliced block by block (core/slicing/per-block): it has shortcuts. */
export const isSlicedPerBlock = ({ tensors }: Pick<ModelSource, 'tensors'>): boolean =>
  tensors.some(({ name }) => name.endsWith(`.${shortcutNames.attentionShortcut}`));

/** The family of an open model and its sizes. @throws UNSUPPORTED_ARCHITECTURE, FILE_MALFORMED as openDecoder */
export function describeModel(model: ModelHeader): Pick<Decoder, 'architecture' | 'config'> {
  const postNorm = postNormReason(model);
  if (postNorm !== null) throw unsupported(model, model.config.architecture, postNorm);
  const architecture = architectureOf(model);
  const facts = new ModelFacts(model);
  for (const refuses of architecture.refuses) {
    const reason = refuses(facts, architecture);
    if (reason !== null) throw unsupported(model, architecture.name, reason);
  }
  return { architecture, config: readDecoderConfig(facts, architecture) };
}

/** @throws UNSUPPORTED_ARCHITECTURE naming a tensor that nobody claimed, but the one named `allowed` */
export function refuseStrays(
  tensors: TensorClaims,
  { model, architecture }: Pick<Decoder, 'model' | 'architecture'>,
  allowed: string | null = null,
): void {
  const stray = tensors.unclaimed().find(({ name }) => !ignoredTensors.test(name) && name !== allowed);
  if (stray) throw unsupported(model, architecture.name, `tensor ${stray.name} has no part in its graph`);
}

function unsupported(model: Pick<ModelHeader, 'path'>, family: string, reason: string): AppError {
  const message = `${model.path} is a model of the family ${family} in a form that Snug has no graph for: ${reason}.`;
  return new AppError('UNSUPPORTED_ARCHITECTURE', message, { path: model.path, architecture: family, reason });
}

/** The rows of a learned table that are positions. */
export function claimPositions(
  tensors: TensorClaims,
  name: string | null,
  { positions }: Architecture,
  { hiddenSize, longestWindow }: DecoderConfig,
): TensorEntry | null {
  if (positions.kind !== 'learned') return null;
  const entry = tensors.required(name!, [hiddenSize, longestWindow! + positions.offset]);
  return tensorRows(entry, positions.offset, longestWindow!);
}

/** Name of a layer's tensor in a form of model: of one that holds several linears, that of all. */
export function layerTensorName(
  { huggingFaceLayers }: Architecture,
  tensor: LayerTensor,
  layer: number,
  kind: ModelSource['kind'],
): string {
  return kind === 'gguf' ? `blk.${layer}.${tensor.gguf}` : `${huggingFaceLayers}.${layer}.${tensor.huggingFace}`;
}

/** Sizes of a layer's tensor, fastest first, and which of its rows are this linear's where it holds several. */
export function layerTensorShape(
  { shape, siblings }: LayerTensor,
  config: DecoderConfig,
): { shape: number[]; own: { first: number; rows: number } } {
  const sizes: Record<SizeName, number> = {
    hidden: config.hiddenSize,
    query: config.numAttentionHeads * config.headDim,
    keyValue: config.numKeyValueHeads * config.headDim,
    intermediate: config.intermediateSize,
    head: config.headDim,
  };
  const rowsOf = (names: readonly SizeName[]): number => names.reduce((sum, size) => sum + sizes[size], 0);
  const [first, behind, rows] = [rowsOf(siblings?.before ?? []), rowsOf(siblings?.behind ?? []), sizes[shape[0]]];
  return { shape: [...shape.slice(1).map((size) => sizes[size]), first + rows + behind], own: { first, rows } };
}

function claimLayer(
  tensors: TensorClaims,
  architecture: Architecture,
  config: DecoderConfig,
  layer: number,
): ReadonlyMap<LayerRole, TensorEntry> {
  const found = new Map<LayerRole, TensorEntry>();
  for (const [role, declared] of Object.entries(architecture.layer) as [LayerRole, LayerTensor][]) {
    const joined = declared.ggufJoined;
    const isJoined = joined !== undefined && tensors.kind === 'gguf' && tensors.has(`blk.${layer}.${joined.gguf}`);
    const tensor = isJoined ? { ...declared, ...joined } : declared;
    const name = layerTensorName(architecture, tensor, layer, tensors.kind);
    const { shape, own } = layerTensorShape(tensor, config);
    const entry = tensor.isOptional ? tensors.optional(name, shape) : tensors.required(name, shape);
    if (entry) found.set(role, tensor.siblings ? tensorRows(entry, own.first, own.rows) : entry);
  }
  return found;
}

type SizeKey = Exclude<
  keyof DecoderConfig,
  'ropeScaling' | 'tiedEmbeddings' | 'rotaryDim' | 'activation' | 'longestWindow'
>;

/** @throws FILE_MALFORMED naming a size that is missing or impossible */
function readDecoderConfig(facts: ModelFacts, architecture: Architecture): DecoderConfig {
  const { positions, norm, activations } = architecture;
  const { config } = facts.model;
  const needed = (key: SizeKey, fallback: number | null = null): number =>
    config[key] ?? fallback ?? facts.malformed(key, 'a number above zero', null);
  const sizes = {
    hiddenSize: needed('hiddenSize'),
    numHiddenLayers: needed('numHiddenLayers'),
    numAttentionHeads: needed('numAttentionHeads'),
    numKeyValueHeads: needed('numKeyValueHeads'),
    headDim: needed('headDim'),
    intermediateSize: needed('intermediateSize'),
    vocabSize: needed('vocabSize'),
    normEps: needed('normEps', norm.eps),
    // llama.cpp's and transformers' own default.
    ropeTheta: config.ropeTheta ?? 10_000,
  };
  const { headDim, numAttentionHeads, numKeyValueHeads } = sizes;
  const isLearned = positions.kind === 'learned';
  const share = isLearned ? 0 : positions.share === 'whole' ? 1 : positions.share;
  const rotaryDim = isLearned ? 0 : rotaryDimensions(facts, share)!;
  if (rotaryDim % 2 !== 0 || rotaryDim > headDim) {
    facts.malformed('headDim', `an even number of dimensions that rotate, up to ${headDim}`, rotaryDim);
  }
  if (numAttentionHeads % numKeyValueHeads !== 0) {
    facts.malformed('numKeyValueHeads', `a divisor of ${numAttentionHeads} heads`, numKeyValueHeads);
  }
  const rows = isLearned
    ? (config.contextLength ?? facts.malformed('contextLength', 'a number above zero', null))
    : null;
  return {
    ...sizes,
    ropeScaling: readRopeScaling(facts),
    rotaryDim,
    activation: readActivation(facts) ?? activations[0],
    longestWindow: rows ?? windowBound(facts, architecture),
    tiedEmbeddings: config.tiedEmbeddings,
  };
}

/** What the names of a whole model's tensors begin with; those of a model saved without its head do not (OPT 1.3B). */
const basePrefix = /^model\./;

/**
 * Tensors by name. One that holds several linears is given out for each of them. A folder's may lack the name of the base
 * model, as transformers reads them too (base_model_prefix).
 */
export class TensorClaims {
  readonly kind: ModelSource['kind'];
  readonly #path: string;
  readonly #all: ReadonlyMap<string, TensorEntry>;
  readonly #left: Set<TensorEntry>;

  constructor(model: ModelSource) {
    this.kind = model.kind;
    this.#path = model.path;
    this.#all = new Map(model.tensors.map((entry) => [entry.name, entry]));
    this.#left = new Set(model.tensors);
  }

  optional(name: string | null, shape: readonly number[]): TensorEntry | null {
    const entry = name === null ? undefined : this.#find(name);
    if (!entry) return null;
    if (entry.shape.join() !== shape.join()) {
      const [expected, actual] = [shape.join(' x '), entry.shape.join(' x ')];
      throw malformed(this.#path, `tensor ${entry.name}`, { expected, actual, tensor: entry.name });
    }
    this.#left.delete(entry);
    return entry;
  }

  #find(name: string): TensorEntry | undefined {
    const bare = this.kind === 'safetensors' ? name.replace(basePrefix, '') : name;
    return this.#all.get(name) ?? this.#all.get(bare);
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

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  unclaimed(): TensorEntry[] {
    return [...this.#left];
  }
}
