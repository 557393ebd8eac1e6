/**
 * Qwen 2 and 2.5, dense: a llama with biases on q, k and v. Source: transformers models/qwen2/modeling_qwen2.py;
 * llama.cpp LLM_ARCH_QWEN2, whose rotation takes heads in halves.
 */
import { defineArchitecture } from './define-architecture.ts';
import { biases, gatedBlock } from './layer-tensors.ts';
import { decoderRefusals } from './refusals.ts';
import { buildSequentialBlock } from './sequential-block.ts';

export const qwen2 = defineArchitecture({
  name: 'qwen2',
  modelTypes: ['qwen2'],
  ggufArchitectures: ['qwen2'],
  refuses: decoderRefusals,
  blockLayout: 'sequential',
  norm: { kind: 'rmsnorm' },
  ggufQueryKeyRows: 'halves',
  layer: { ...gatedBlock, ...biases(['q', 'k', 'v'], 'always') },
  buildBlock: buildSequentialBlock,
});
