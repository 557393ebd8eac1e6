// LLaMA 1 to 3, SmolLM2, Yi and other models of `model_type` llama. Source: conversion/llama.py (LlamaModel).
import { decoderTensors, linears, type Family } from './family.ts';

export const llama: Family = {
  modelType: 'llama',
  architectures: ['LlamaForCausalLM', 'LLaMAForCausalLM'],
  ggufArchitecture: 'llama',
  tensors: decoderTensors({ permutesRopeRows: true, hasHeadNorms: false, biases: linears }),
  defaults: {
    ropeTheta: 10_000,
    normEps: 1e-6,
    contextLength: 2048,
    headDim: null,
    numKeyValueHeads: null,
    slidingWindow: null,
  },
  ropeScalings: ['linear', 'llama3'],
  hasWindowSwitch: false,
  vocabularies: ['sentencepiece', 'llama-hf', 'byte-level'],
  writesRopeDimension: true,
  writesSpacePrefix: true,
  // 32016: CodeLlama's infill tokens; 49152: Granite and SmolLM.
  vocabularyQuirks: { 32016: { eot: 32010 }, 49152: { addBos: false } },
};
