/**
 * OPT: LayerNorm with weight and bias before attention and MLP, learned positions whose table has two rows before the
 * first one, ReLU, output layer tied to the embeddings. Source: transformers models/opt/modeling_opt.py. llama.cpp has
 * no such family, so there is no GGUF of it; the names are those it would have.
 */
import type { Refusal } from './architecture.ts';
import { defineArchitecture } from './define-architecture.ts';
import { biasedLinears, layerNorm } from './layer-tensors.ts';
import { decoderRefusals } from './refusals.ts';
import { buildSequentialBlock } from './sequential-block.ts';

/** OPT-350m: norms behind the additions. */
const refusePostNorm: Refusal = (facts) =>
  facts.value({ huggingFace: 'do_layer_norm_before' }) === false
    ? 'its norms follow the additions (do_layer_norm_before is false): their weights act on the residual itself, where no linear can take them and no rotation passes them'
    : null;

/** OPT-350m: embeddings narrower than the residual, with matrices between. */
const refuseProjectedEmbeddings: Refusal = (facts) => {
  const width = facts.number({ huggingFace: 'word_embed_proj_dim' });
  const { hiddenSize } = facts.model.config;
  if (width === null || width === hiddenSize) return null;
  return `its embeddings have ${width} columns and its residual ${hiddenSize} (word_embed_proj_dim): project_in and project_out are not built`;
};

/** Norms without weights, or no last norm. */
const refuseMissingNorms: Refusal = (facts) => {
  if (facts.value({ huggingFace: '_remove_final_layer_norm' }) === true) return 'it has no last norm';
  const isPlain = facts.value({ huggingFace: 'layer_norm_elementwise_affine' }) === false;
  return isPlain ? 'its norms have no weights (layer_norm_elementwise_affine is false)' : null;
};

export const opt = defineArchitecture({
  name: 'opt',
  modelTypes: ['opt'],
  ggufArchitectures: [],
  refuses: [refusePostNorm, refuseProjectedEmbeddings, refuseMissingNorms, ...decoderRefusals],
  blockLayout: 'sequential',
  norm: { kind: 'layernorm', eps: 1e-5 },
  positions: { kind: 'learned', offset: 2 },
  activations: ['relu', 'gelu'],
  ggufQueryKeyRows: 'halves',
  globals: {
    embeddings: { huggingFace: 'model.decoder.embed_tokens.weight', gguf: 'token_embd.weight' },
    positions: { huggingFace: 'model.decoder.embed_positions.weight', gguf: 'position_embd.weight' },
    finalNorm: { huggingFace: 'model.decoder.final_layer_norm.weight', gguf: 'output_norm.weight' },
    finalNormBias: { huggingFace: 'model.decoder.final_layer_norm.bias', gguf: 'output_norm.bias' },
    lmHead: { huggingFace: 'lm_head.weight', gguf: 'output.weight' },
  },
  huggingFaceLayers: 'model.decoder.layers',
  layer: {
    ...layerNorm('attentionNorm', 'self_attn_layer_norm', 'attn_norm'),
    ...layerNorm('mlpNorm', 'final_layer_norm', 'ffn_norm'),
    ...biasedLinears(
      {
        ...{ q: 'self_attn.q_proj', k: 'self_attn.k_proj', v: 'self_attn.v_proj', o: 'self_attn.out_proj' },
        ...{ up: 'fc1', down: 'fc2' },
      },
      'optional',
    ),
  },
  buildBlock: buildSequentialBlock,
});
