// Seed-OSS 36B. Source: conversion/olmo.py (SeedOssModel), which adds nothing to TextModel; MODEL_ARCH.SEED_OSS of
// gguf-py/gguf/constants.py has the second norm under the name of a norm behind the attention.
import { decoderTensors, type Family } from './family.ts';

export const seedOss: Family = {
  modelType: 'seed_oss',
  architectures: ['SeedOssForCausalLM'],
  ggufArchitecture: 'seed_oss',
  tensors: decoderTensors({
    permutesRopeRows: false,
    hasHeadNorms: false,
    biases: ['attn_q', 'attn_k', 'attn_v'],
  }).map((rule) =>
    rule.gguf === 'blk.{layer}.ffn_norm' ? { ...rule, gguf: 'blk.{layer}.post_attention_norm' } : rule,
  ),
  defaults: {
    ropeTheta: 10_000,
    normEps: 1e-6,
    contextLength: 524_288,
    headDim: 128,
    numKeyValueHeads: 8,
    slidingWindow: null,
  },
  ropeScalings: ['linear'],
  hasWindowSwitch: false,
  vocabularies: ['byte-level'],
  writesRopeDimension: false,
  writesSpacePrefix: false,
  vocabularyQuirks: {},
};
