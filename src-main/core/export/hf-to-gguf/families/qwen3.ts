// Qwen 3, dense: norms on the heads of queries and keys. Source: conversion/qwen.py (Qwen3Model). With `attention_bias`
// transformers gives the output projection a bias too, which llama.cpp's loader of qwen3 refuses; so do we, by its name.
import { decoderTensors, type Family } from './family.ts';
import { qwen2 } from './qwen2.ts';

export const qwen3: Family = {
  ...qwen2,
  modelType: 'qwen3',
  architectures: ['Qwen3ForCausalLM', 'Qwen3Model'],
  ggufArchitecture: 'qwen3',
  tensors: decoderTensors({ permutesRopeRows: false, hasHeadNorms: true, biases: ['attn_q', 'attn_k', 'attn_v'] }),
  defaults: { ...qwen2.defaults, headDim: 128 },
};
