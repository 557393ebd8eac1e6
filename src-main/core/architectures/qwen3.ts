/**
 * Qwen 3, dense: each query and key head is normed before its rotation, and a head's size is its own.
 * Source: transformers models/qwen3/modeling_qwen3.py; llama.cpp LLM_ARCH_QWEN3, whose rotation takes heads in halves.
 * With `attention_bias` transformers gives the output projection a bias too, which no GGUF of the family can have:
 * llama.cpp's loader refuses it. So it has no part here, and openDecoder refuses it by name.
 */
import { defineArchitecture } from './define-architecture.ts';
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
  layer: { ...gatedBlock, ...headNorms, ...biases(['q', 'k', 'v'], 'optional') },
  buildBlock: buildSequentialBlock,
});
