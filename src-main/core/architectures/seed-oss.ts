/**
 * Seed-OSS 36B: a llama with biases on q, k and v and a head size of its own (80 heads of 128 in a width of 5,120).
 * Source: transformers models/seed_oss/modeling_seed_oss.py; llama.cpp LLM_ARCH_SEED_OSS, whose rotation takes heads in
 * halves, whose second norm is called after the attention, and whose loader refuses a bias on o, gate, up or down.
 */
import { defineArchitecture } from './define-architecture.ts';
import { biases, gatedBlock } from './layer-tensors.ts';
import { decoderRefusals } from './refusals.ts';
import { buildSequentialBlock } from './sequential-block.ts';

export const seedOss = defineArchitecture({
  name: 'seed_oss',
  modelTypes: ['seed_oss'],
  ggufArchitectures: ['seed_oss'],
  refuses: decoderRefusals,
  blockLayout: 'sequential',
  norm: { kind: 'rmsnorm' },
  ggufQueryKeyRows: 'halves',
  layer: {
    ...gatedBlock,
    mlpNorm: { ...gatedBlock.mlpNorm, gguf: 'post_attention_norm.weight' },
    ...biases(['q', 'k', 'v'], 'optional'),
  },
  buildBlock: buildSequentialBlock,
});
