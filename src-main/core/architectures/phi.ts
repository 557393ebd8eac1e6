/**
 * Phi 1, 1.5 and 2: attention and MLP both read one LayerNorm and are added to the residual together; rotary embeddings
 * on a part of each head, GELU, biases everywhere, the output layer's too.
 * Source: transformers models/phi/modeling_phi.py; llama.cpp LLM_ARCH_PHI2, whose rotation takes heads in halves.
 */
import type { Refusal } from './architecture.ts';
import { defineArchitecture } from './define-architecture.ts';
import { biasedLinears, decoderGlobals, layerNorm, maybeJoined } from './layer-tensors.ts';
import { buildParallelBlock } from './parallel-block.ts';
import { decoderRefusals } from './refusals.ts';

/** Norms of each query and key head, which these models can have as an option. */
const refuseHeadNorms: Refusal = (facts) =>
  facts.value({ huggingFace: 'qk_layernorm' }) === true ? 'it norms query and key heads (qk_layernorm)' : null;

export const phi = defineArchitecture({
  name: 'phi',
  modelTypes: ['phi'],
  ggufArchitectures: ['phi2'],
  refuses: [refuseHeadNorms, ...decoderRefusals],
  blockLayout: 'parallel',
  norm: { kind: 'layernorm', eps: 1e-5 },
  positions: { kind: 'rotary', share: 0.5 },
  activations: ['geluTanh', 'gelu', 'relu', 'silu'],
  ggufQueryKeyRows: 'halves',
  globals: {
    embeddings: decoderGlobals.embeddings,
    finalNorm: { huggingFace: 'model.final_layernorm.weight', gguf: 'output_norm.weight' },
    finalNormBias: { huggingFace: 'model.final_layernorm.bias', gguf: 'output_norm.bias' },
    lmHead: decoderGlobals.lmHead,
    lmHeadBias: { huggingFace: 'lm_head.bias', gguf: 'output.bias' },
  },
  layer: {
    ...layerNorm('attentionNorm', 'input_layernorm', 'attn_norm'),
    ...maybeJoined(
      biasedLinears(
        {
          ...{ q: 'self_attn.q_proj', k: 'self_attn.k_proj', v: 'self_attn.v_proj', o: 'self_attn.dense' },
          ...{ up: 'mlp.fc1', down: 'mlp.fc2' },
        },
        'always',
      ),
      'attn_qkv',
      ['q', 'k', 'v'],
    ),
  },
  buildBlock: buildParallelBlock,
});
