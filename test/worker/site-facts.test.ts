// What the worker tells of sites while it computes: every site, once and whole, also through a process that tells less often.
import { fork } from 'node:child_process';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Progress, SiteFacts } from '../../src-main/contract/progress.ts';
import { workerApi } from '../../src-main/contract/worker-api.ts';
import { siteLayout, siteNames } from '../../src-main/core/slicing/per-block/site-widths.ts';
import { pointsOfSpectrum } from '../../src-main/core/linear-algebra/spectrum-points.ts';
import { connect } from '../../src-main/rpc/client.ts';
import { childTransport } from '../../src-main/rpc/node-child.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { someTokens, temporaryFolder } from '../llama-host/host.ts';
import { decoderOf } from '../support/graph-runs.ts';
import { root, sampleModel } from '../support/paths.ts';
import { ports } from '../support/slicing.ts';

const folder = temporaryFolder();
const windows = [1, 2, 3, 4].map((seed) => someTokens(128, seed));
const names = siteNames(siteLayout(await decoderOf(sampleModel)));

function sliceParams(name: string) {
  const [output, checkpoints] = [path.join(folder, name), path.join(folder, `${name}-checkpoints`)];
  const schedule = { scheduler: 'constant', sparsity: 0.25 } as const;
  const paths = { source: sampleModel, output, checkpoints, tokenizerFrom: null };
  return { ...paths, windows, schedule, type: 'F16', threads: 1 } as const;
}

function expectSpectrum({ spectrum = [] }: SiteFacts, size: number): void {
  expect(spectrum.length).toBeGreaterThan(20);
  expect([spectrum[0]![0], spectrum.at(-1)![0]]).toEqual([1, size]);
  const shares = spectrum.map(([, share]) => share);
  expect(shares).toEqual(shares.toSorted((a, b) => b - a));
  expect(shares[0]).toBeGreaterThan(0);
  expect(shares[0]).toBeLessThanOrEqual(1);
}

test('slicing per block tells every site as it is found, and a process loses none', async () => {
  const child = fork(path.join(root, 'src-main/worker/main.ts'), { serialization: 'advanced' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const { call } = connect(workerApi, childTransport(child));
  const told: Progress[] = [];
  const made = await call.slicePerBlock(sliceParams('process'), { onProgress: (progress) => void told.push(progress) });
  const sites = told.flatMap((progress) => progress.sites ?? []);
  expect(sites.map(({ name }) => name)).toEqual(names);
  for (const [index, site] of sites.entries()) {
    const { width, energyLost } = made.sites[index]!;
    if (width < 256) expect(site).toMatchObject({ width, energyLost });
    else expect(site.energyLost).toBeUndefined();
    expectSpectrum(site, 256);
  }
  expect(told.every(({ memoryBytes = 0 }) => memoryBytes > 2 ** 20)).toBe(true);
  expect(told.every(({ secondsLeft = 0 }) => Number.isFinite(secondsLeft))).toBe(true);
});

test('a slicing that is taken up tells again what was found before', async () => {
  const params = workerApi.methods.slicePerBlock.params.parse(sliceParams('stopped'));
  const stop = new AbortController();
  let found = 0;
  const stopped = handlers.slicePerBlock(params, {
    signal: stop.signal,
    progress({ sites = [] }) {
      found += sites.length;
      if (found === 5) stop.abort(new Error('stopped'));
    },
  });
  await expect(stopped).rejects.toThrow();
  const told: string[] = [];
  const progress = ({ sites = [] }: Progress): void => void told.push(...sites.map(({ name }) => name));
  const { resumedAtLayer } = await handlers.slicePerBlock(params, { signal: ports.signal, progress });
  expect(resumedAtLayer).toBeGreaterThan(0);
  expect(told).toEqual(names);
});

test('slicing by a shared rotation tells its one spectrum, a calibration that of every norm', async () => {
  const told: Progress[] = [];
  const heard = { signal: ports.signal, progress: (progress: Progress) => void told.push(progress) };
  const calibration = {
    source: sampleModel,
    windows,
    folder,
    fingerprint: 'a'.repeat(64),
    datasets: ['x'],
  };
  const shared = { provider: 'cpu', threads: 1, spectra: true } as const;
  await handlers.blockStatistics({ ...calibration, ...shared }, heard);
  const norms = told.flatMap(({ sites = [] }) => sites);
  expect(norms.map(({ name }) => name)).toEqual([
    ...Array.from({ length: 6 }, (_, layer) => [`layer${layer}.attentionInput`, `layer${layer}.mlpInput`]).flat(),
    'headInput',
  ]);
  for (const site of norms) expectSpectrum(site, 256);
  told.length = 0;
  const slice = { source: sampleModel, gram: path.join(folder, 'gram.gguf'), output: path.join(folder, 's.gguf') };
  const params = workerApi.methods.sliceShared.params.parse({ ...slice, width: 192, type: 'F16', threads: 1 });
  const { energyLost } = await handlers.sliceShared(params, heard);
  const [site, ...others] = told.flatMap(({ sites = [] }) => sites);
  expect(others).toEqual([]);
  expect(site).toMatchObject({ name: 'shared rotation', width: 192, energyLost });
  expectSpectrum(site!, 256);
});

test('points of a spectrum are shares of the undamped whole, ends included, noise below none', () => {
  expect(pointsOfSpectrum(Float64Array.of(4, 2, 1), 1)).toEqual([
    [1, 0.75],
    [2, 0.25],
    [3, 0],
  ]);
  const long = Float64Array.from({ length: 5000 }, (_, index) => 1 / (index + 1));
  const points = pointsOfSpectrum(long);
  expect(points.length).toBeLessThanOrEqual(64);
  expect(points.at(-1)![0]).toBe(5000);
  expect(pointsOfSpectrum(Float64Array.of(0, -1e-20))).toEqual([
    [1, 0],
    [2, 0],
  ]);
});
