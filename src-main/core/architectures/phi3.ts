/**
 * Phi 3 (and 4, which calls itself so): a llama whose q, k and v are one tensor, and gate and up another.
 * Source: transformers models/phi3/modeling_phi3.py; llama.cpp LLM_ARCH_PHI3, whose rotation takes heads in halves. A
 * sliding window bounds the windows that are run: within it nothing slides. llama.cpp ignores it.
 */
import { defineArchitecture } from './define-architecture.ts';
import { gatedBlock, joinedLinears } from './layer-tensors.ts';
import { decoderRefusals } from './refusals.ts';
import { buildSequentialBlock } from './sequential-block.ts';

export const phi3 = defineArchitecture({
  name: 'phi3',
  modelTypes: ['phi3'],
  ggufArchitectures: ['phi3'],
  refuses: decoderRefusals,
  blockLayout: 'sequential',
  norm: { kind: 'rmsnorm', eps: 1e-5 },
  positions: { kind: 'rotary', share: 1 },
  slidingWindow: { silent: null },
  ggufQueryKeyRows: 'halves',
  layer: {
    ...gatedBlock,
    ...joinedLinears('self_attn.qkv_proj', 'attn_qkv', ['q', 'k', 'v']),
    ...joinedLinears('mlp.gate_up_proj', 'ffn_up', ['gate', 'up']),
  },
  buildBlock: buildSequentialBlock,
});
