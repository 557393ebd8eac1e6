// Qwen 3, dense: norms on the heads of queries and keys. Source: conversion/qwen.py (Qwen3Model).
import { decoderTensors, type Family } from './family.ts';
import { qwen2 } from './qwen2.ts';

export const qwen3: Family = {
  ...qwen2,
  modelType: 'qwen3',
  architectures: ['Qwen3ForCausalLM', 'Qwen3Model'],
  ggufArchitecture: 'qwen3',
  tensors: decoderTensors({ permutesRopeRows: false, hasHeadNorms: true }),
  defaults: { ...qwen2.defaults, headDim: 128 },
};
