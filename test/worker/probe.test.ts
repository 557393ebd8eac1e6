// What the probe of a provider says, with runtimes that stand for GPUs: right ones, wrong ones, slow ones.
import { describe, expect, test } from 'vitest';
import type { GraphRuntime } from '../../src-main/core/graph/block-runner.ts';
import { furthestShare } from '../../src-main/core/graph/probe-graphs.ts';
import { adapterOf } from '../../src-main/worker/onnx/adapter.ts';
import { onnxRuntime } from '../../src-main/worker/onnx/onnx-runtime.ts';
import { probe } from '../../src-main/worker/onnx/probe.ts';
import type { ProbeOptions } from '../../src-main/worker/onnx/probe.ts';
import { AppError } from '../../src-main/contract/errors.ts';

const cpu = onnxRuntime({ threads: 1 });

/** The processor, which remembers a graph's answer; with answers changed, and runs that take so long. */
function altered(change: (values: Float32Array) => void, runMs = 0): GraphRuntime {
  return {
    provider: 'webgpu',
    async open(model) {
      const runner = await cpu.open(model);
      let found: Record<string, Float32Array> | null = null;
      return {
        dispose: () => runner.dispose(),
        async run(feeds, outputs) {
          if (found === null) {
            found = await runner.run(feeds, outputs);
            for (const values of Object.values(found)) change(values);
          }
          const until = performance.now() + runMs;
          while (performance.now() < until);
          return found;
        },
      };
    },
  };
}

const same = (): void => {};
const tried = (options: Partial<ProbeOptions>) =>
  probe({
    ...{ provider: 'webgpu', probed: altered(same), reference: cpu, thorough: false },
    adapter: () => ({ name: 'NVIDIA', isSoftware: false }),
    ...options,
  });

describe('a probe', () => {
  test('lets a device be chosen that is right and faster', async () => {
    const found = await tried({ reference: altered(same, 5) });
    expect(found).toMatchObject({ state: 'auto', adapter: 'NVIDIA', reason: null, deviation: 0, hasFloat16: true });
    expect(found.speedup).toBeGreaterThan(1);
  });

  test('does not let one be chosen that is slower, and says how much', async () => {
    const some = await tried({ probed: altered(same, 60), reference: altered(same, 20) });
    expect(some).toMatchObject({ state: 'named', deviation: 0 });
    expect(some.reason).toContain('times the speed of the processor');
    expect(some.speedup).toBeLessThan(1);
    const far = await tried({ probed: altered(same, 400), reference: altered(same, 1) });
    expect(far).toMatchObject({ state: 'named', deviation: null, speedup: null });
    expect(far.reason).toContain('slower than the processor');
  });

  test.each([
    [
      'one element by a thousandth',
      (values: Float32Array) => void (values[0]! += 1e-3 * Math.max(1, Math.abs(values[0]!))),
    ],
    ['a missing number', (values: Float32Array) => void (values[values.length - 1] = NaN)],
  ])('finds wrong results: %s', async (_what, change) => {
    const found = await tried({ probed: altered(change) });
    expect(found).toMatchObject({ state: 'faulty', speedup: null });
    expect(found.reason).toContain('results are wrong');
  });

  test('takes a software adapter for no GPU, compares only when asked', async () => {
    const adapter = () => ({ name: 'SwiftShader', isSoftware: true });
    expect(await tried({ adapter })).toMatchObject({ state: 'named', adapter: 'SwiftShader', deviation: null });
    expect(await tried({ adapter, thorough: true })).toMatchObject({ state: 'named', deviation: 0, hasFloat16: true });
    const wrong = await tried({ adapter, thorough: true, probed: altered((values) => values.fill(0)) });
    expect(wrong.state).toBe('faulty');
  });

  test('tells absence from failure', async () => {
    const failing = (error: Error): GraphRuntime => ({ provider: 'webgpu', open: () => Promise.reject(error) });
    const absent = new AppError('DEVICE_UNAVAILABLE', 'long words', { reason: 'no adapter' });
    expect(await tried({ probed: failing(absent) })).toMatchObject({ state: 'absent', reason: 'no adapter' });
    expect(await tried({ probed: failing(new Error('lost')) })).toMatchObject({ state: 'faulty', reason: 'lost' });
  });
});

test('the furthest share is that of the worst output, and a missing number is infinitely far', () => {
  const expected = { a: Float32Array.of(10, -20), b: Float32Array.of(1, 1) };
  expect(furthestShare({ a: Float32Array.of(10, -19), b: Float32Array.of(1, 1.5) }, expected)).toEqual({
    ...{ output: 'b', share: 0.5 },
  });
  expect(furthestShare({ a: Float32Array.of(10, NaN), b: expected.b }, expected).share).toBe(Infinity);
  expect(furthestShare({ a: expected.a, b: Float32Array.of(1) }, expected).share).toBe(Infinity);
});

test('an adapter is told from the libraries of one maker', () => {
  expect(adapterOf(['/e/libvulkan.so.1', '/e/libvk_swiftshader.so'])).toEqual({
    name: 'SwiftShader',
    isSoftware: true,
  });
  expect(adapterOf(['/usr/lib/libGLX_nvidia.so.0'])).toEqual({ name: 'NVIDIA', isSoftware: false });
  expect(adapterOf(['C:\\Windows\\System32\\d3d10warp.dll'])).toMatchObject({ isSoftware: true });
  expect(adapterOf(['/l/libvulkan_lvp.so', '/l/libvulkan_radeon.so'])).toEqual({ name: null, isSoftware: false });
  expect(adapterOf(['/l/libc.so.6'])).toEqual({ name: null, isSoftware: false });
});
