// The choice of a provider, with real children whose probes answer, hang and die; and what this machine itself has.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { AppError } from '../../src-main/contract/errors.ts';
import type { DeviceName } from '../../src-main/contract/recipe.ts';
import { Children } from '../../src-main/engine/children.ts';
import { cudaAbsence, installCuda, onnxPackage, type OnnxPackage } from '../../src-main/engine/devices/cuda-files.ts';
import { Providers } from '../../src-main/engine/devices/providers.ts';
import { findFolders } from '../../src-main/engine/folders.ts';
import { errorOf, quick, startEngine, temporaryFolder } from '../support/engine.ts';
import { root, sampleModel } from '../support/paths.ts';
import { softwareAdapter } from '../support/software-adapter.ts';

const { signal } = new AbortController();
const { entries } = findFolders(path.join(root, 'src-main/engine'), false);
const before = { ...process.env };
afterEach(() => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
});

/** Providers over children that behave as told; counts the children. */
function behaving(behaviour: string, limitMs = 60_000) {
  process.env['SNUG_TEST_PROBE'] = behaviour;
  const children = new Children({ ...entries, worker: path.join(root, 'test/support/probing-worker.ts') });
  const found = { started: 0 };
  const worker: Children['worker'] = (abort, task) => {
    found.started += 1;
    return children.worker(abort, task);
  };
  return Object.assign(new Providers({ worker }, onnxPackage(), { quick: limitMs, thorough: limitMs }), found, {
    count: () => found.started,
  });
}

const choose = (providers: Providers, device: DeviceName, float16 = false) =>
  providers.choose(device, { signal, float16 });
const refusal = (providers: Providers, device: DeviceName, float16 = false): Promise<AppError> =>
  choose(providers, device, float16).then(
    ({ provider }) => expect.unreachable(`${provider} was chosen`),
    (error: unknown) => AppError.from(error),
  );

describe('where none is named', () => {
  test('the first that may be chosen is, and is asked once', async () => {
    const providers = behaving('auto');
    expect(await choose(providers, 'auto')).toEqual({ provider: 'webgpu', faulty: [] });
    expect(await choose(providers, 'auto')).toMatchObject({ provider: 'webgpu' });
    expect(providers.count()).toBe(1);
    providers.forget();
    expect(await choose(providers, 'auto')).toMatchObject({ provider: 'webgpu' });
    expect(providers.count()).toBe(2);
  });

  test('one that cannot read F16 is left out where weights are in it', async () => {
    const providers = behaving('auto-without-f16');
    expect(await choose(providers, 'auto', true)).toMatchObject({ provider: 'cpu' });
    expect(await choose(providers, 'auto')).toMatchObject({ provider: 'webgpu' });
    expect((await refusal(providers, 'webgpu', true)).message).toContain('no F16');
  });

  test('one that is only for being named is left out without a word', async () => {
    expect(await choose(behaving('named'), 'auto')).toEqual({ provider: 'cpu', faulty: [] });
  });

  test('one that ends its process is told with its last words', async () => {
    const { provider, faulty } = await choose(behaving('end'), 'auto');
    expect(provider).toBe('cpu');
    expect(faulty).toMatchObject([{ name: 'webgpu', state: 'faulty' }]);
    expect(faulty[0]!.reason).toContain('SIGSEGV');
  });

  test('one that hangs is ended and told', async () => {
    const { provider, faulty } = await choose(behaving('hang', 4000), 'auto');
    expect(provider).toBe('cpu');
    expect(faulty[0]!.reason).toBe('it did not finish a probe within 4 s');
  });

  test('the processor needs no probe', async () => {
    const providers = behaving('end');
    expect(await choose(providers, 'cpu')).toEqual({ provider: 'cpu', faulty: [] });
    expect(providers.count()).toBe(0);
  });
});

describe('one that is named', () => {
  test('is used, though slower, after its results were compared', async () => {
    const providers = behaving('named');
    expect(await choose(providers, 'webgpu')).toEqual({ provider: 'webgpu', faulty: [] });
    const { providers: shown } = await providers.list(signal);
    expect(shown.find(({ name }) => name === 'webgpu')!.reason).toBe('thorough: true');
  });

  test.each(['end', 'hang'])('is refused where its probe does not end well: %s', async (behaviour) => {
    const error = await refusal(behaving(behaviour, 4000), 'webgpu');
    expect(error.code).toBe('DEVICE_UNAVAILABLE');
    expect(error.message).toMatch(/^webgpu cannot be used: .*Use --device cpu/);
    expect(error.details['device']).toBe('webgpu');
  });

  test('leaves a caller free that gives up', async () => {
    const controller = new AbortController();
    const providers = behaving('hang', 3000);
    const waiting = providers.choose('webgpu', { signal: controller.signal });
    setTimeout(() => controller.abort(), 200);
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
    // The probe itself goes on to its limit; a child that hangs would outlive this process.
    const { signal } = new AbortController();
    await expect(providers.choose('webgpu', { signal })).rejects.toMatchObject({ code: 'DEVICE_UNAVAILABLE' });
  });

  test('makes a job fail where it is not there, and never run on the processor', async () => {
    const engine = await startEngine();
    process.env['VK_ICD_FILENAMES'] = process.env['VK_DRIVER_FILES'] = '/nowhere.json';
    for (const device of ['webgpu', 'cuda']) {
      const error = errorOf(await engine.run({ verb: 'invariance', model: sampleModel, device, ...quick }));
      expect(error.code).toBe('DEVICE_UNAVAILABLE');
      expect(error.message).toContain(device);
    }
  });
});

const adapter = softwareAdapter();
describe.skipIf('reason' in adapter)(`SwiftShader${'reason' in adapter ? ` (${adapter.reason})` : ''}`, () => {
  test('is told for what it is, and never chosen by itself', async () => {
    Object.assign(process.env, 'env' in adapter ? adapter.env : {});
    const { providers, provider } = await new Providers(new Children(entries), onnxPackage()).list(signal);
    expect(provider).toBe('cpu');
    expect(providers.map(({ name }) => name)).toEqual(['cuda', 'webgpu', 'cpu']);
    expect(providers[1]).toMatchObject({ state: 'named', adapter: 'SwiftShader' });
    expect(providers[1]!.reason).toContain('on the processor');
  });
});

describe("onnxruntime's CUDA files", () => {
  const update = (folder: string, version: string): void =>
    writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ version }));
  /** A package whose installer is `script`. */
  function packageWith(script: string, platform = 'linux', arch = 'x64'): OnnxPackage {
    const folder = temporaryFolder();
    mkdirSync(path.join(folder, 'bin/napi-v6', platform, arch), { recursive: true });
    mkdirSync(path.join(folder, 'script'));
    writeFileSync(path.join(folder, 'script/install.js'), script);
    update(folder, '1.30.0');
    return { folder, platform, arch };
  }
  // What it is told is read by the real installer's code.
  const writes = `const fs = require('node:fs');
    const { parseInstallFlag } = require(${JSON.stringify(path.join(onnxPackage().folder, 'script/install-utils.js'))});
    if (parseInstallFlag() !== true) process.exit(0);
    for (const name of ['cuda', 'shared', 'tensorrt']) fs.writeFileSync('bin/napi-v6/linux/x64/libonnxruntime_providers_' + name + '.so', '');`;

  test('are asked for of its own installer, and make CUDA worth a probe', async () => {
    const onnx = packageWith(writes);
    expect(await cudaAbsence(onnx)).toContain('snug devices --install-cuda');
    const { folder, files } = await installCuda(onnx, signal);
    expect(folder).toBe(path.join(onnx.folder, 'bin/napi-v6/linux/x64'));
    expect(files).toContain('libonnxruntime_providers_cuda.so');
    expect(await cudaAbsence(onnx)).toBeNull();
  });

  test('of another version are not loaded: an update of a .deb leaves them there', async () => {
    const onnx = packageWith(writes);
    await installCuda(onnx, signal);
    update(onnx.folder, '1.31.0');
    const absence = await cudaAbsence(onnx);
    expect(absence).toContain('are of 1.30.0, and onnxruntime is 1.31.0');
    expect(absence).toContain('"snug devices --install-cuda" fetches them again');
    await installCuda(onnx, signal);
    expect(await cudaAbsence(onnx)).toBeNull();
  });

  test('stay as they were where an installer fails, and none of another version is among them', async () => {
    const onnx = packageWith(writes);
    await installCuda(onnx, signal);
    const bin = path.join(onnx.folder, 'bin/napi-v6/linux/x64');
    const installed = readdirSync(bin);
    const halfWay =
      "require('node:fs').writeFileSync('bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so', 'new');";
    writeFileSync(path.join(onnx.folder, 'script/install.js'), `${halfWay} process.exit(1);`);
    await expect(installCuda(onnx, signal)).rejects.toMatchObject({ code: 'DEVICE_UNAVAILABLE' });
    expect(await cudaAbsence(onnx)).toBeNull();
    expect(readdirSync(bin)).toEqual(installed);
    expect(readFileSync(path.join(bin, 'libonnxruntime_providers_cuda.so'), 'utf8')).toBe('');
  });

  test('stay as they were where it is stopped, which leaves nothing else', async () => {
    const onnx = packageWith(writes);
    await installCuda(onnx, signal);
    const bin = path.join(onnx.folder, 'bin/napi-v6/linux/x64');
    const installed = readdirSync(bin);
    const begun = path.join(temporaryFolder(), 'begun');
    writeFileSync(
      path.join(onnx.folder, 'script/install.js'),
      `require('node:fs').writeFileSync(${JSON.stringify(begun)}, ''); setInterval(() => {}, 1000);`,
    );
    const stop = new AbortController();
    const installing = installCuda(onnx, stop.signal);
    const failed = expect(installing).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect.poll(() => existsSync(begun), { timeout: 20_000 }).toBe(true);
    stop.abort();
    await failed;
    expect(await cudaAbsence(onnx)).toBeNull();
    expect(readdirSync(bin)).toEqual(installed);
  });

  test.skipIf(process.platform === 'win32')(
    'are installed though the folder they came in cannot be removed',
    async () => {
      // Deeper than a path may be long, which nobody removes by paths.
      const deep = `${writes} for (let depth = 0; depth < 30; depth++) {
      fs.mkdirSync('d'.repeat(200));
      process.chdir('d'.repeat(200));
    }`;
      const onnx = packageWith(deep);
      const bin = path.join(onnx.folder, 'bin/napi-v6/linux/x64');
      const left = (): string[] => readdirSync(bin).filter((name) => name.startsWith('fetched'));
      const { files } = await installCuda(onnx, signal);
      const unremoved = left();
      for (const name of unremoved) spawnSync('rm', ['-rf', path.join(bin, name)]);
      expect([files.length, unremoved.length, left().length]).toEqual([3, 1, 0]);
      writeFileSync(path.join(onnx.folder, 'script/install.js'), writes);
      expect((await installCuda(onnx, signal)).files).toEqual(files);
    },
  );

  test.each(['npm_config_onnxruntime_node_install', 'ONNXRUNTIME_NODE_INSTALL', 'ONNXRUNTIME_NODE_INSTALL_CUDA'])(
    'are fetched where %s keeps npm from it',
    async (name) => {
      process.env[name] = 'skip';
      const { files } = await installCuda(packageWith(writes), signal);
      expect(files).toContain('libonnxruntime_providers_cuda.so');
    },
  );

  test('an installer that fails gives its words, one that writes nothing is told', async () => {
    const failing = packageWith("console.error('Error: Failed to download. HTTP status code = 503'); process.exit(1);");
    await expect(installCuda(failing, signal)).rejects.toMatchObject({
      code: 'DEVICE_UNAVAILABLE',
      message: expect.stringContaining('HTTP status code = 503') as string,
    });
    await expect(installCuda(packageWith(''), signal)).rejects.toMatchObject({ code: 'DEVICE_UNAVAILABLE' });
  });

  test.each([
    ['win32', 'x64'],
    ['darwin', 'arm64'],
    ['linux', 'arm64'],
  ])('do not exist for %s on %s', async (platform, arch) => {
    const onnx = packageWith(writes, platform, arch);
    expect(await cudaAbsence(onnx)).toContain('WebGPU');
    await expect(installCuda(onnx, signal)).rejects.toThrow(/Linux on x64 alone/);
  });
});
