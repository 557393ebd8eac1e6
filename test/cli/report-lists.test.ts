// What is found and listed, as text, word for word.
import { describe, expect, it } from 'vitest';
import { gpuList } from './fake-answers.ts';
import { snug, text } from './run.ts';

describe('lists as text', () => {
  it('inspect', async () => {
    expect(await text('inspect m.gguf')).toMatchInlineSnapshot(`
      "m: llama, 6.8 million parameters, 13.8 MB

      path         /here/m.gguf
      format       gguf
      tensors      F16 × 43, F32 × 13
      layers       6
      hidden size  256, feed-forward 768
      heads        8 of 32, 4 for keys and values
      vocabulary   4,096, untied embeddings
      context      512 tokens
      tokenizer    gpt2, smollm
      repository   hub:owner/name

      quantise                yes
      importance per weight   yes
      slice per block         no: not built yet
      slice, shared rotation  no: not built yet
      prune                   no: not built yet
      drop layers             no: not built yet
      "
    `);
  });

  it('download', async () => {
    expect(await text('download hub:o/m')).toMatchInlineSnapshot(`
      "/home/models/hub/o--m/abc/m

      hub         hub:o/m, commit abcdef012345
      downloaded  262.1 kB of 600.0 MB in 1 file
      took        40 s
      "
    `);
  });

  it('search', async () => {
    expect(await text('search qwen3 0.6b')).toMatchInlineSnapshot(`
      "model                      weights         parameters   downloads  likes
      hub:Qwen/Qwen3-0.6B        safetensors  751.6 million  12,000,000    800
      hub:owner/Qwen3-0.6B-GGUF  gguf                     -      40,000      7  asks first

      Next: snug inspect MODEL, or snug plan MODEL --memory SIZE
      "
    `);
  });

  it('texts', async () => {
    expect(await text('texts')).toMatchInlineSnapshot(`
      "name         for              size  what it is
      calibration  calibration   1.20 MB  nine kinds of text
      evaluation   evaluation   300.0 kB  other texts of the same kinds
      "
    `);
  });

  it('devices with a GPU, and its CUDA files just added', async () => {
    const { stdout } = await snug('devices --install-cuda', { script: { devices: gpuList } });
    expect(stdout).toMatchInlineSnapshot(`
      "Added to /onnx: libonnxruntime_providers_cuda.so

      Small GPU: 8.00 GiB, 7.00 GiB free.

      llama.cpp b10000, ggml 0.9.0
      device   kind    memory      free  name
      CPU      cpu   8.00 GiB  6.00 GiB  AMD EPYC
      Vulkan0  gpu   8.00 GiB  7.00 GiB  Small GPU
      CUDA0    gpu   24.0 GiB  22.0 GiB  RTX 4090

      NVIDIA's driver
      gpu  driver       memory      free  name
      0    550.54.15  24.0 GiB  22.5 GiB  NVIDIA GeForce RTX 4090

      onnxruntime: cpu runs Snug's graphs where no --device is named
      provider  state             adapter      why
      cuda      not there         -            its provider files are not installed
      webgpu    only where named  SwiftShader  its only adapter is SwiftShader
      cpu       usable            -

      Missing: cuda: no NVIDIA driver
      "
    `);
  });

  it('devices', async () => {
    expect(await text('devices')).toMatchInlineSnapshot(`
      "No GPU was found; everything runs on the CPU.

      llama.cpp b10000, ggml 0.9.0
      device  kind    memory      free  name
      CPU     cpu   8.00 GiB  6.00 GiB  AMD EPYC

      onnxruntime: cpu runs Snug's graphs where no --device is named
      provider  state             adapter      why
      cuda      not there         -            its provider files are not installed
      webgpu    only where named  SwiftShader  its only adapter is SwiftShader
      cpu       usable            -

      Missing: cuda: no NVIDIA driver
      "
    `);
  });

  it('lets no control character of a model file reach the terminal', async () => {
    const { stdout } = await snug(['inspect', 'a\x1b]0;title\x07b.gguf']);
    expect(stdout).toContain('a\uFFFD]0;title\uFFFDb');
  });
});
