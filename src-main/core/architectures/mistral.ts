/**
 * Mistral 7B and its relatives: a llama without biases. As GGUF they call themselves llama.
 * Source: transformers models/mistral/modeling_mistral.py. The sliding window of version 0.1 is not built.
 */
import { defineArchitecture } from './define-architecture.ts';
import { gatedBlock } from './layer-tensors.ts';
import { decoderRefusals } from './refusals.ts';
import { buildSequentialBlock } from './sequential-block.ts';

export const mistral = defineArchitecture({
  name: 'mistral',
  modelTypes: ['mistral'],
  ggufArchitectures: [],
  refuses: decoderRefusals,
  blockLayout: 'sequential',
  norm: { kind: 'rmsnorm' },
  ggufQueryKeyRows: 'interleaved',
  layer: gatedBlock,
  buildBlock: buildSequentialBlock,
});
