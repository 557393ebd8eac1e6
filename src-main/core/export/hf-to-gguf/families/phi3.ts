// Phi 3 and 4. Source: conversion/phi.py (Phi3MiniModel) and llama.cpp src/models/phi3.cpp, which ignores the sliding
// window. LongRoPE, which all contexts of 128k have, is not built.
import { decoderTensors, type Family, type TensorRule } from './family.ts';

/** q, k, v, and gate, up: two tensors in place of five. */
const joined: readonly TensorRule[] = [
  { gguf: 'blk.{layer}.attn_qkv', hf: 'layers.{layer}.self_attn.qkv_proj', shape: ['hidden', 'queriesKeysValues'] },
  { gguf: 'blk.{layer}.ffn_up', hf: 'layers.{layer}.mlp.gate_up_proj', shape: ['hidden', 'gateUp'] },
];
const apart = /attn_[qkv]$|ffn_(gate|up)$/;

export const phi3: Family = {
  modelType: 'phi3',
  architectures: ['Phi3ForCausalLM'],
  ggufArchitecture: 'phi3',
  tensors: [
    ...decoderTensors({ permutesRopeRows: false, hasHeadNorms: false, biases: [] }).filter(
      ({ gguf }) => !apart.test(gguf),
    ),
    ...joined,
  ],
  defaults: {
    ropeTheta: 10_000,
    normEps: 1e-5,
    contextLength: 4096,
    headDim: null,
    numKeyValueHeads: null,
    slidingWindow: null,
  },
  rotaryShare: 1,
  ignoresWindow: true,
  ropeScalings: [],
  hasWindowSwitch: false,
  vocabularies: ['sentencepiece', 'byte-level'],
  writesRopeDimension: true,
  writesSpacePrefix: false,
  vocabularyQuirks: {},
};
