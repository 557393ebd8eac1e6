/**
 * Llama 1 to 3 and the models of its form (SmolLM2, Yi, TinyLlama, Mistral as GGUF): RMSNorm, grouped-query attention
 * with rotary embeddings, SwiGLU. Source: transformers models/llama/modeling_llama.py; llama.cpp LLM_ARCH_LLAMA.
 */
import { defineArchitecture } from './define-architecture.ts';
import { biases, gatedBlock } from './layer-tensors.ts';
import { decoderRefusals } from './refusals.ts';
import { buildSequentialBlock } from './sequential-block.ts';

export const llama = defineArchitecture({
  name: 'llama',
  modelTypes: ['llama'],
  ggufArchitectures: ['llama'],
  refuses: decoderRefusals,
  blockLayout: 'sequential',
  norm: { kind: 'rmsnorm' },
  // llama.cpp's converter reorders q and k for its own rotation: LlamaModel.permute in convert_hf_to_gguf.py.
  ggufQueryKeyRows: 'interleaved',
  layer: { ...gatedBlock, ...biases(['q', 'k', 'v', 'o', 'gate', 'up', 'down'], 'optional') },
  buildBlock: buildSequentialBlock,
});
