// Canned answers of the fake engine, all but the results of jobs. The numbers are invented, the shapes are the contract's.
import type { CudaFiles, DeviceList } from '../../src-main/contract/devices.ts';
import type { HubSearch } from '../../src-main/contract/hub-search.ts';
import type { Inspection } from '../../src-main/contract/model.ts';
import type { TextList } from '../../src-main/contract/results.ts';

const GiB = 2 ** 30;

export const hubModel = {
  address: 'hub:o/m',
  commit: 'abcdef0123456789'.padEnd(40, '0'),
  path: null,
  files: [{ name: 'm.Q8_0.gguf', bytes: 600e6 }],
  bytes: 600e6,
  fetchedBytes: 262_144,
};

export const textList: TextList = {
  texts: [
    {
      name: 'calibration',
      purpose: 'calibration',
      bytes: 1_200_000,
      sha256: 'c'.repeat(64),
      description: 'nine kinds of text',
    },
    {
      name: 'evaluation',
      purpose: 'evaluation',
      bytes: 300_000,
      sha256: 'e'.repeat(64),
      description: 'other texts of the same kinds',
    },
  ],
};

export const searchFound: HubSearch = {
  words: 'qwen3 0.6b',
  repositories: [
    {
      repository: 'Qwen/Qwen3-0.6B',
      ...{ formats: ['safetensors'], downloads: 12_000_000, likes: 800, gated: false, parameters: 751_632_384 },
    },
    {
      repository: 'owner/Qwen3-0.6B-GGUF',
      ...{ formats: ['gguf'], downloads: 40_000, likes: 7, gated: true, parameters: null },
    },
  ],
};

const notShown = { adapter: null, deviation: null, speedup: null, hasFloat16: false };

export const deviceList: DeviceList = {
  devices: [{ name: 'CPU', description: 'AMD EPYC', kind: 'cpu', totalBytes: 8 * GiB, freeBytes: 6 * GiB }],
  llama: { release: 'b10000', ggmlVersion: '0.9.0' },
  onnxProviders: ['cpu', 'webgpu', 'cuda'],
  providers: [
    { name: 'cuda', ...notShown, state: 'absent', reason: 'its provider files are not installed' },
    { name: 'webgpu', ...notShown, state: 'named', adapter: 'SwiftShader', reason: 'its only adapter is SwiftShader' },
    { name: 'cpu', ...notShown, state: 'auto', reason: null, deviation: 0, speedup: 1, hasFloat16: true },
  ],
  provider: 'cpu',
  gpus: [],
  missing: [{ backend: 'cuda', reason: 'no NVIDIA driver' }],
};

export const installed: CudaFiles = { folder: '/onnx', files: ['libonnxruntime_providers_cuda.so'] };

export const gpuList: DeviceList = {
  ...deviceList,
  devices: [
    ...deviceList.devices,
    { name: 'Vulkan0', description: 'Small GPU', kind: 'gpu', totalBytes: 8 * GiB, freeBytes: 7 * GiB },
    { name: 'CUDA0', description: 'RTX 4090', kind: 'gpu', totalBytes: 24 * GiB, freeBytes: 22 * GiB },
  ],
  gpus: [
    {
      ...{ index: 0, name: 'NVIDIA GeForce RTX 4090', driver: '550.54.15', isDivided: false },
      ...{ totalBytes: 24_564 * 2 ** 20, freeBytes: 23_000 * 2 ** 20 },
    },
  ],
};

export function inspectionOf(path: string): Inspection {
  return {
    path,
    format: 'gguf',
    architecture: 'llama',
    parameters: 6_822_000,
    fileBytes: 13_776_512,
    tensorTypes: { F16: 43, F32: 13 },
    config: {
      hiddenSize: 256,
      numHiddenLayers: 6,
      numAttentionHeads: 8,
      numKeyValueHeads: 4,
      headDim: 32,
      intermediateSize: 768,
      vocabSize: 4096,
      contextLength: 512,
      ropeTheta: 10000,
      normEps: 1e-5,
      tiedEmbeddings: false,
    },
    tokenizer: { model: 'gpt2', pre: 'smollm', vocabSize: 4096 },
    can: {
      slicePerBlock: 'not built yet',
      sliceShared: 'not built yet',
      prune: 'not built yet',
      dropLayers: 'not built yet',
      importance: true,
      quantize: true,
    },
    widths: null,
    repository: 'owner/name',
    experts: null,
    warnings: [],
  };
}
