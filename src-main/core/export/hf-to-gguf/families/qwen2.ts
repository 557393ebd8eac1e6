// Qwen 2 and 2.5, dense. Source: conversion/qwen.py (Qwen2Model).
import { decoderTensors, type Family } from './family.ts';

export const qwen2: Family = {
  modelType: 'qwen2',
  architectures: ['Qwen2ForCausalLM', 'Qwen2Model'],
  ggufArchitecture: 'qwen2',
  tensors: decoderTensors({ permutesRopeRows: false, hasHeadNorms: false, biases: ['attn_q', 'attn_k', 'attn_v'] }),
  defaults: {
    ropeTheta: 10_000,
    normEps: 1e-6,
    contextLength: 32_768,
    headDim: null,
    numKeyValueHeads: 32,
    slidingWindow: 4096,
  },
  ropeScalings: ['linear'],
  hasWindowSwitch: true,
  vocabularies: ['sentencepiece', 'byte-level'],
  writesRopeDimension: false,
  writesSpacePrefix: false,
  vocabularyQuirks: {},
};
