/**
 * Mistral 7B and its relatives: a llama without biases. As GGUF they call themselves llama.
 * Source: transformers models/mistral/modeling_mistral.py. The sliding window of version 0.1 bounds the windows that are
 * run: within it nothing slides.
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
  // MistralConfig's own.
  slidingWindow: { silent: 4096 },
  ggufQueryKeyRows: 'interleaved',
  layer: gatedBlock,
  buildBlock: buildSequentialBlock,
});
