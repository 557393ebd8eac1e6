/**
 * Qwen 3, dense: each query and key head is normed before its rotation, and a head's size is its own.
 * Source: transformers models/qwen3/modeling_qwen3.py; llama.cpp LLM_ARCH_QWEN3, whose rotation takes heads in halves.
 */
import { defineArchitecture } from './architecture.ts';
import { biases, gatedBlock, headNorms } from './layer-tensors.ts';
import { decoderRefusals } from './refusals.ts';
import { buildSequentialBlock } from './sequential-block.ts';

export const qwen3 = defineArchitecture({
  name: 'qwen3',
  modelTypes: ['qwen3'],
  ggufArchitectures: ['qwen3'],
  refuses: decoderRefusals,
  blockLayout: 'sequential',
  norm: { kind: 'rmsnorm' },
  ggufQueryKeyRows: 'halves',
  layer: { ...gatedBlock, ...headNorms, ...biases(['q', 'k', 'v', 'o'], 'optional') },
  buildBlock: buildSequentialBlock,
});
