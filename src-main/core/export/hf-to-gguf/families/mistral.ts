// Mistral models in Hugging Face's layout, written as `llama`. Source: conversion/llama.py, which registers
// MistralForCausalLM under LlamaModel (conversion/mistral.py is for Mistral's own layout); llama.cpp's graph of llama has
// no sliding window.
import { decoderTensors, type Family } from './family.ts';
import { llama } from './llama.ts';

export const mistral: Family = {
  ...llama,
  modelType: 'mistral',
  architectures: ['MistralForCausalLM'],
  tensors: decoderTensors({ permutesRopeRows: true, hasHeadNorms: false, biases: [] }),
  defaults: {
    ropeTheta: 10_000,
    normEps: 1e-6,
    contextLength: 131_072,
    headDim: null,
    numKeyValueHeads: 8,
    slidingWindow: 4096,
  },
  ignoresWindow: true,
};
