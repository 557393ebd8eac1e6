// Which model of transformers computes what a GGUF decoder does. Source: transformers v5 models/*/configuration_*.py and
// modeling_*.py. LlamaConfig refuses a hidden size that heads do not divide (validate_architecture); MistralConfig does
// not, and without its window it is the same function. Qwen2 has biases on q, k and v and takes a head_dim too.
import { AppError } from '../../../contract/errors.ts';
import type { DecoderConfig, LayerRole, LinearRole } from '../../architectures/architecture.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import type { JsonObject } from '../../formats/json-object.ts';

/** What a form has to allow. */
interface DecoderTraits {
  /** Roles with a bias, as `q k v`. */
  attentionBiases: string;
  mlpBiases: string;
  hasHeadNorms: boolean;
  /** The hidden size is a multiple of the heads. */
  isEven: boolean;
}

interface HfForm {
  modelType: string;
  className: string;
  fits: (traits: DecoderTraits) => boolean;
  /** Fields of its config.json that others do not have. */
  fields: (traits: DecoderTraits, config: DecoderConfig) => JsonObject;
}

const attentionRoles: readonly LinearRole[] = ['q', 'k', 'v', 'o'];
const mlpRoles: readonly LinearRole[] = ['gate', 'up', 'down'];
const allOrNone = (biases: string, roles: readonly LinearRole[]): boolean =>
  biases === '' || biases === roles.join(' ');

const llama: HfForm = {
  modelType: 'llama',
  className: 'LlamaForCausalLM',
  fits: ({ attentionBiases, mlpBiases, hasHeadNorms, isEven }) =>
    allOrNone(attentionBiases, attentionRoles) && allOrNone(mlpBiases, mlpRoles) && !hasHeadNorms && isEven,
  fields: ({ attentionBiases, mlpBiases }) => ({ attention_bias: attentionBiases !== '', mlp_bias: mlpBiases !== '' }),
};
const mistral: HfForm = {
  modelType: 'mistral',
  className: 'MistralForCausalLM',
  fits: ({ attentionBiases, mlpBiases, hasHeadNorms }) => attentionBiases + mlpBiases === '' && !hasHeadNorms,
  fields: () => ({ sliding_window: null }),
};
const qwen2: HfForm = {
  modelType: 'qwen2',
  className: 'Qwen2ForCausalLM',
  fits: ({ attentionBiases, mlpBiases, hasHeadNorms }) =>
    attentionBiases === 'q k v' && mlpBiases === '' && !hasHeadNorms,
  fields: () => ({ use_sliding_window: false }),
};
const qwen3: HfForm = {
  modelType: 'qwen3',
  className: 'Qwen3ForCausalLM',
  fits: ({ attentionBiases, mlpBiases, hasHeadNorms }) =>
    allOrNone(attentionBiases, attentionRoles) && mlpBiases === '' && hasHeadNorms,
  fields: ({ attentionBiases }) => ({ attention_bias: attentionBiases !== '', use_sliding_window: false }),
};

const seedOss: HfForm = {
  modelType: 'seed_oss',
  className: 'SeedOssForCausalLM',
  fits: ({ attentionBiases, mlpBiases }) => ['', 'q k v'].includes(attentionBiases) && mlpBiases === '',
  fields: ({ attentionBiases }) => ({
    ...{ attention_bias: attentionBiases !== '', attention_out_bias: false, mlp_bias: false },
  }),
};
const rotaryShare = ({ rotaryDim, headDim }: DecoderConfig): JsonObject => ({
  partial_rotary_factor: rotaryDim / headDim,
});
const phi: HfForm = {
  modelType: 'phi',
  className: 'PhiForCausalLM',
  fits: ({ attentionBiases, mlpBiases, isEven }) =>
    attentionBiases === attentionRoles.join(' ') && mlpBiases === 'up down' && isEven,
  fields: (_, config) => ({ qk_layernorm: false, ...rotaryShare(config) }),
};
const phi3: HfForm = {
  modelType: 'phi3',
  className: 'Phi3ForCausalLM',
  fits: ({ attentionBiases, mlpBiases }) => attentionBiases + mlpBiases === '',
  fields: (_, config) => ({ sliding_window: config.longestWindow, ...rotaryShare(config) }),
};

/** By the name of the decoder's family, the usual form first: only families whose arithmetic these forms have. */
const formsByFamily: Readonly<Record<string, readonly HfForm[]>> = {
  llama: [llama, mistral, qwen2],
  qwen2: [qwen2],
  qwen3: [qwen3],
  seed_oss: [seedOss],
  phi: [phi],
  phi3: [phi3],
};

function traitsOf({ architecture, config, layers }: Decoder): DecoderTraits | null {
  const has = (role: LayerRole): boolean => layers[0]!.has(role);
  const isUniform = layers.every((entries) => entries.size === layers[0]!.size && [...entries.keys()].every(has));
  if (!isUniform) return null;
  const biases = (roles: readonly LinearRole[]): string => roles.filter((role) => has(`${role}Bias`)).join(' ');
  return {
    attentionBiases: biases(attentionRoles),
    mlpBiases: biases(mlpRoles),
    hasHeadNorms: architecture.layer.qNorm !== undefined,
    isEven: config.hiddenSize % config.numAttentionHeads === 0,
  };
}

/** `model_type`, `architectures` and the form's own fields. @throws UNSUPPORTED_ARCHITECTURE when no form fits */
export function hfForm(decoder: Decoder): JsonObject {
  const { architecture, config, model } = decoder;
  const traits = traitsOf(decoder);
  const form = traits && formsByFamily[architecture.name]?.find(({ fits }) => fits(traits));
  if (form) return { architectures: [form.className], model_type: form.modelType, ...form.fields(traits, config) };
  const found = traits
    ? `biases on (${traits.attentionBiases} ${traits.mlpBiases}), ${config.hiddenSize} columns for ${config.numAttentionHeads} heads`
    : 'layers with different tensors';
  const message = `${model.path}: no model of transformers that Snug writes has a ${architecture.name} with ${found}. Write it as GGUF or ONNX instead.`;
  throw new AppError('UNSUPPORTED_ARCHITECTURE', message, {
    path: model.path,
    architecture: architecture.name,
    ...traits,
  });
}
