// The config.json of an exported folder: the source's own where it has one, else made from the GGUF header. Names that
// transformers 4 and 5 both read: rope_theta with rope_scaling, torch_dtype.
import type { Activation } from '../../graph/graph-builder.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import type { RopeScaling } from '../../architectures/rope-scaling.ts';
import type { JsonObject } from '../../formats/json-object.ts';
import { readFloats } from '../../graph/float-values.ts';
import type { Dequantize } from '../../graph/float-values.ts';
import type { WeightType } from '../../formats/weight-types.ts';
import { hfForm } from './hf-forms.ts';
import { llama3ScalingOf } from './llama3-scaling.ts';

/** Names of types in config.json. */
export const torchTypes: Readonly<Record<WeightType, string>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/** Names of activations there. */
const activations: Readonly<Record<Activation, string>> = {
  silu: 'silu',
  gelu: 'gelu',
  geluTanh: 'gelu_new',
  relu: 'relu',
};

/** @throws UNSUPPORTED_ARCHITECTURE when no config.json says what the decoder computes */
export async function configJsonOf(decoder: Decoder, type: WeightType, dequantize: Dequantize): Promise<JsonObject> {
  const { gguf, configJson } = decoder.model;
  const torchDtype = { torch_dtype: torchTypes[type] };
  if (gguf || !configJson) return { ...(await fromHeader(decoder, dequantize)), ...torchDtype };
  const { dtype: _, ...fields } = configJson;
  return { ...fields, ...torchDtype };
}

async function fromHeader(decoder: Decoder, dequantize: Dequantize): Promise<JsonObject> {
  const { architecture, config, model } = decoder;
  const { contextLength } = model.config;
  return {
    ...hfForm(decoder),
    ...specialIds(decoder),
    head_dim: config.headDim,
    hidden_act: activations[config.activation],
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    ...(contextLength === null ? {} : { max_position_embeddings: contextLength }),
    num_attention_heads: config.numAttentionHeads,
    num_hidden_layers: config.numHiddenLayers,
    num_key_value_heads: config.numKeyValueHeads,
    [architecture.norm.kind === 'layernorm' ? 'layer_norm_eps' : 'rms_norm_eps']: config.normEps,
    rope_scaling: scalingFields(await scalingOf(decoder, dequantize)),
    rope_theta: config.ropeTheta,
    tie_word_embeddings: config.tiedEmbeddings,
    vocab_size: config.vocabSize,
  };
}

/** null where the header names none: left out, transformers would take ids of its own. */
function specialIds({ model }: Decoder): JsonObject {
  const id = (role: string): number | null =>
    model.gguf?.metadata.integer(`tokenizer.ggml.${role}_token_id`, null) ?? null;
  return { bos_token_id: id('bos'), eos_token_id: id('eos'), pad_token_id: id('padding') };
}

async function scalingOf(decoder: Decoder, dequantize: Dequantize): Promise<RopeScaling | null> {
  const { config, model, ropeDivisors } = decoder;
  if (!ropeDivisors) return config.ropeScaling;
  return llama3ScalingOf(await readFloats(model, ropeDivisors, dequantize), config.ropeTheta, model.path);
}

const scalingFields = (scaling: RopeScaling | null): JsonObject | null =>
  scaling && {
    rope_type: 'llama3',
    factor: scaling.factor,
    low_freq_factor: scaling.lowFreqFactor,
    high_freq_factor: scaling.highFreqFactor,
    original_max_position_embeddings: scaling.originalContext,
  };
