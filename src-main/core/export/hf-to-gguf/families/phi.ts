// Phi 1, 1.5 and 2. Source: conversion/phi.py (Phi2Model) and llama.cpp src/models/phi2.cpp, which needs every bias but
// those of q, k and v. The converter writes four times the width as the size of the MLP; here it is config.json's.
import type { Family, TensorRule } from './family.ts';

const linear = (gguf: string, hf: string, shape: TensorRule['shape']): TensorRule => ({
  gguf: `blk.{layer}.${gguf}`,
  hf: `layers.{layer}.${hf}`,
  shape,
  mayHaveBias: 'needed',
});

export const phi: Family = {
  modelType: 'phi',
  architectures: ['PhiForCausalLM'],
  ggufArchitecture: 'phi2',
  tensors: [
    { gguf: 'token_embd', hf: 'embed_tokens', shape: ['hidden', 'vocabulary'] },
    { gguf: 'output_norm', hf: 'final_layernorm', shape: ['hidden'], mayHaveBias: 'needed' },
    { gguf: 'output', hf: 'lm_head', shape: ['hidden', 'vocabulary'], mayHaveBias: 'needed' },
    linear('attn_norm', 'input_layernorm', ['hidden']),
    linear('attn_q', 'self_attn.q_proj', ['hidden', 'queries']),
    linear('attn_k', 'self_attn.k_proj', ['hidden', 'keys']),
    linear('attn_v', 'self_attn.v_proj', ['hidden', 'keys']),
    linear('attn_output', 'self_attn.dense', ['queries', 'hidden']),
    linear('ffn_up', 'mlp.fc1', ['hidden', 'feedForward']),
    linear('ffn_down', 'mlp.fc2', ['feedForward', 'hidden']),
  ],
  defaults: {
    ropeTheta: 10_000,
    normEps: 1e-5,
    contextLength: 2048,
    headDim: null,
    numKeyValueHeads: null,
    slidingWindow: null,
  },
  activations: ['gelu_new', 'gelu_fast', 'gelu_pytorch_tanh'],
  hasLayerNorms: true,
  rotaryShare: 0.5,
  ropeScalings: [],
  hasWindowSwitch: false,
  vocabularies: ['byte-level'],
  writesRopeDimension: true,
  writesSpacePrefix: false,
  vocabularyQuirks: {},
};
