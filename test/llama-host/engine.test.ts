// Start of the engine: libraries by pattern, refusal of what is unknown, devices and what is missing.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { knownReleases, openEngine } from '../../src-main/llama-host/native/engine.ts';
import { findLibraries, folderVariable, packageNames } from '../../src-main/llama-host/native/find-libraries.ts';
import { nativeError } from '../../src-main/llama-host/native/native-error.ts';
import { failureOf, handlers, plainCaller, temporaryFolder } from './host.ts';

afterEach(() => vi.unstubAllEnvs());

function folderWith(names: readonly string[]): string {
  const folder = path.join(temporaryFolder(), 'bins');
  mkdirSync(folder);
  for (const name of names) writeFileSync(path.join(folder, name), '');
  return folder;
}

describe('libraries', () => {
  test.each([
    ['Linux', ['libggml-base.so', 'libggml.v0.4.0.so', 'libllama.v0.4.0.so']],
    ['CUDA', ['libggml-base.so', 'libggml.cuda.v0.4.0.so', 'libllama.cuda.v0.4.0.so']],
    ['macOS', ['libggml-base.dylib', 'libggml.metal.v0.4.0.dylib', 'libllama.metal.v0.4.0.dylib']],
    ['Windows', ['ggml-base.dll', 'ggml.v0.4.0.dll', 'llama.v0.4.0.dll']],
    ['an unversioned build', ['libggml-base.so', 'libggml.so', 'libllama.so']],
  ])('are found by pattern: %s', (_, names) => {
    const folder = folderWith([
      ...names,
      'libllama-common.so',
      'libggml-cpu-x64.so',
      'llama-addon.node',
      'libggml-cuda.so',
    ]);
    vi.stubEnv(folderVariable, folder);
    const { base, ggml, llama } = findLibraries();
    expect([base, ggml, llama].map((file) => path.basename(file))).toEqual(names);
  });

  test('that are incomplete are refused, with the folder', async () => {
    const folder = folderWith(['libggml-base.so', 'libllama-common.so']);
    vi.stubEnv(folderVariable, folder);
    const error = await failureOf(findLibraries);
    expect(error).toMatchObject({ code: 'LLAMA_UNAVAILABLE' });
    expect(error.message).toContain(folder);
  });

  test('packages are named for the platform', () => {
    expect(packageNames('linux', 'x64').cuda).toEqual([
      '@node-llama-cpp/linux-x64-cuda',
      '@node-llama-cpp/linux-x64-cuda-ext',
    ]);
    expect(packageNames('win32', 'x64').vulkan).toEqual(['@node-llama-cpp/win-x64-vulkan']);
    expect(packageNames('darwin', 'arm64').cpu[0]).toBe('@node-llama-cpp/mac-arm64-metal');
    expect(packageNames('linux', 'arm').cpu).toEqual(['@node-llama-cpp/linux-armv7l']);
    expect(packageNames('freebsd', 'x64').cpu).toEqual([]);
  });
});

describe('proof of layout', () => {
  test('refuses a release that is not in the table, by name', () => {
    const { folder } = openEngine();
    const { base, ggml, llama } = findLibraries();
    const { addon } = openEngine();
    let refused: unknown;
    try {
      addon.open({ base, ggml, llama, backendFolder: folder, knownReleases: ['0.3.9'] });
    } catch (error) {
      refused = nativeError(error);
    }
    expect(refused).toMatchObject({
      code: 'LLAMA_UNAVAILABLE',
      message: expect.stringMatching(/0\.4\.0-dev is not a release that Snug knows \(0\.3\.9\)/),
    });
  });

  test('refuses libraries that are none, in the words of the loader', () => {
    const { addon } = openEngine();
    const folder = folderWith(['libggml-base.so']);
    const file = path.join(folder, 'libggml-base.so');
    let refused: unknown;
    try {
      addon.open({ base: file, ggml: file, llama: file, backendFolder: folder, knownReleases });
    } catch (error) {
      refused = nativeError(error);
    }
    expect(refused).toMatchObject({ code: 'LLAMA_UNAVAILABLE', message: expect.stringContaining(file) });
  });
});

test('identify names release, folder and devices, and a reason for every missing back end', async () => {
  const found = await handlers.identify({}, plainCaller);
  expect(found).toMatchObject({ release: '0.4.0-dev', ggmlVersion: '0.23.0' });
  const cpu = found.devices.find((device) => device.kind === 'cpu');
  expect(cpu!.totalBytes).toBeGreaterThan(1e9);
  const hasGpu = found.devices.some((device) => device.kind === 'gpu');
  if (process.platform === 'linux' && !hasGpu)
    expect(found.missing.map(({ backend }) => backend)).toEqual(['cuda', 'vulkan']);
  for (const { reason } of found.missing) expect(reason.length).toBeGreaterThan(5);
});
