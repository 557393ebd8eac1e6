// Calibration as the worker does it: its numbers against references, and what is left when it is stopped at any moment.
import { execFileSync, fork, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { ParamsOf } from '../../src-main/contract/define-api.ts';
import { workerApi } from '../../src-main/contract/worker-api.ts';
import type { WorkerApi } from '../../src-main/contract/worker-api.ts';
import { openDecoder } from '../../src-main/core/architectures/decoder.ts';
import { checkpointPath } from '../../src-main/core/calibration/checkpoint.ts';
import { readGram } from '../../src-main/core/calibration/gram-file.ts';
import { checkStatistics, statisticsFiles } from '../../src-main/core/calibration/saved-statistics.ts';
import { openModel } from '../../src-main/core/formats/model-source.ts';
import { residualPaths } from '../../src-main/core/graph/kept-residual.ts';
import { processTag } from '../../src-main/core/process-identity.ts';
import { openImportance } from '../../src-main/core/quantization/importance-file.ts';
import { writeImportance } from '../../src-main/core/quantization/write-importance.ts';
import { openFileSource } from '../../src-main/core/formats/file-source.ts';
import { connect } from '../../src-main/rpc/client.ts';
import { childTransport } from '../../src-main/rpc/node-child.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { caller, exact, handlers as llama, someTokens, temporaryFolder } from '../llama-host/host.ts';
import { withElement, withFloat } from '../support/broken-models.ts';
import { goldenModels, goldenTokens } from '../support/golden-models.ts';
import { root, sampleModel } from '../support/paths.ts';
import { referenceForward } from '../support/reference-decoder.ts';
import { quiet, thrownBy } from './quantize-oracle.ts';

type Params = ParamsOf<WorkerApi['methods']['blockStatistics']>;

const temporary = temporaryFolder();
const windows = Array.from({ length: 10 }, (_, seed) => someTokens(256, seed + 1));
const name = 'a'.repeat(64);

function emptyFolder(): string {
  const folder = path.join(temporary, `part-${readdirSync(temporary).length}`);
  mkdirSync(folder);
  return folder;
}

const request = (folder: string, change: Partial<Params> = {}): Params => ({
  ...{ source: sampleModel, windows, folder, fingerprint: name, datasets: ['made up'] },
  ...{ provider: 'cpu', threads: 1, spectra: true, ...change },
});

const contentsOf = (folder: string): Record<string, Buffer> =>
  Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(path.join(folder, file))]));

/** Runs a worker of its own until it has done this share of the tokens, then kills it as no program can prevent. */
async function killedAt(share: number, params: Params): Promise<void> {
  const child = fork(path.join(root, 'src-main/worker/main.ts'), { serialization: 'advanced' });
  const { call } = connect(workerApi, childTransport(child));
  const onProgress = ({ done, total }: { done: number; total: number }): void => {
    if (done / total >= share) child.kill('SIGKILL');
  };
  const end = await call.blockStatistics(params, { onProgress }).catch((error: unknown) => error);
  expect(end).toBeInstanceOf(Error);
}

let whole: Record<string, Buffer>;
let started: Awaited<ReturnType<typeof handlers.blockStatistics>>;
/** A part that was killed in the middle of a layer. */
const killed = path.join(temporary, 'killed');

beforeAll(async () => {
  const folder = emptyFolder();
  started = await handlers.blockStatistics(request(folder), quiet);
  whole = contentsOf(folder);
  mkdirSync(killed);
  await killedAt(0.55, request(killed));
});

describe('a calibration that was killed', () => {
  test('has left a checkpoint and goes on at the last finished layer, to the same bytes', async () => {
    expect(started).toMatchObject({ tokens: 10 * 256, sites: 13, resumedAtLayer: null, startedOver: null });
    expect(Object.keys(whole)).toEqual(['gram.gguf', 'importance.gguf']);
    expect(readdirSync(killed)).toContain('checkpoint.gguf');
    const folder = emptyFolder();
    cpSync(killed, folder, { recursive: true });
    writeFileSync(
      `${checkpointPath(folder)}.${processTag({ pid: process.ppid, startTime: null })}.part`,
      'what a dead process with this id was writing',
    );
    const told: number[] = [];
    const resumed = await handlers.blockStatistics(request(folder), {
      ...quiet,
      progress: ({ done, total }) => void told.push(done / total),
    });
    expect(resumed.startedOver).toBeNull();
    expect(resumed.resumedAtLayer).toBeGreaterThanOrEqual(2);
    expect(resumed.resumedAtLayer).toBeLessThan(6);
    // The sites of the layers before are told again first.
    expect(told[0]).toBeGreaterThanOrEqual(resumed.resumedAtLayer! / 6);
    expect(contentsOf(folder)).toEqual(whole);
    await expect(checkStatistics(folder, name)).resolves.toBeUndefined();
  });

  test.each([
    ['a checkpoint of another calibration', () => ({ fingerprint: 'b'.repeat(64) }), /fingerprint/],
    ['a torn checkpoint', (folder: string) => flip(checkpointPath(folder), 5000), /checkpoint\.gguf is malformed/],
    ['a checkpoint cut short', (folder: string) => cut(checkpointPath(folder)), /checkpoint\.gguf/],
    ['a torn residual', (folder: string) => residualPaths(folder).forEach((file) => flip(file, 4096)), /not what/],
    ['a residual cut short', (folder: string) => residualPaths(folder).forEach(cut), /ends at/],
    ['a lost residual', (folder: string) => residualPaths(folder).forEach((file) => rmSync(file)), /ends at/],
  ])('%s is not used: it starts over, says so, and gives the same sums', async (_, spoil, reason) => {
    const folder = emptyFolder();
    cpSync(killed, folder, { recursive: true });
    const change = spoil(folder) ?? {};
    const result = await handlers.blockStatistics(request(folder, change), quiet);
    expect(result.resumedAtLayer).toBeNull();
    expect(result.startedOver).toMatch(reason);
    if (Object.keys(change).length === 0) expect(contentsOf(folder)).toEqual(whole);
    expect(readdirSync(folder)).toEqual(['gram.gguf', 'importance.gguf']);
  });

  test('a cancel stops it between runs and keeps what is finished', async () => {
    const folder = emptyFolder();
    const controller = new AbortController();
    const progress = ({ done, total }: { done: number; total: number }): void => {
      if (done / total > 0.4) controller.abort();
    };
    const stopped = await thrownBy(() =>
      handlers.blockStatistics(request(folder), { signal: controller.signal, progress }),
    );
    expect(stopped).toMatchObject({ code: 'CANCELLED' });
    const resumed = await handlers.blockStatistics(request(folder), quiet);
    expect(resumed.resumedAtLayer).toBe(2);
    expect(contentsOf(folder)).toEqual(whole);
  });
});

function flip(file: string, place: number): undefined {
  const bytes = readFileSync(file);
  bytes[place]! ^= 1;
  writeFileSync(file, bytes);
}

function cut(file: string): undefined {
  truncateSync(file, Math.floor(statSync(file).size / 2));
}

describe('the numbers', () => {
  test('importance is that of the llama host within rounding', async () => {
    const rows = windows.slice(0, 4);
    const folder = emptyFolder();
    await handlers.blockStatistics(request(folder, { windows: rows }), quiet);
    const [raw, theirs] = [path.join(temporary, 'host.f32'), path.join(temporary, 'host.gguf')];
    const { entries } = await llama.statistics(
      { model: sampleModel, windows: rows, output: raw, settings: exact },
      caller(),
    );
    const source = await openFileSource(raw);
    const chunks = { datasets: [], chunks: 4, chunkSize: 256 };
    await writeImportance({ ...quiet, ...chunks, raw: source, entries, output: theirs });
    await source.close();
    const [ours, host] = [await openImportance(statisticsFiles(folder).importance), await openImportance(theirs)];
    expect(ours.names).toEqual(host.names);
    let worst = 0;
    for (const linear of host.names) {
      const { means } = await ours.read(linear);
      const expected = (await host.read(linear)).means;
      expected.forEach((value, column) => (worst = Math.max(worst, Math.abs(means[column]! / value - 1))));
    }
    // F16 weights: llama.cpp rounds activations to F16 too.
    expect(worst).toBeLessThan(1e-3);
    await ours.close();
    await host.close();
  });

  test.skipIf(!goldenModels)('Gram, traces and spectra are those of float64 loops', async () => {
    const source = path.join(goldenModels!, 'llama-gqa');
    const rows = goldenTokens('llama-gqa');
    const folder = emptyFolder();
    await handlers.blockStatistics(request(folder, { source, windows: rows }), quiet);
    const { gram, size, sites, traces, spectra, madeOf } = await readGram(statisticsFiles(folder).gram);
    expect(madeOf).toMatchObject({ fingerprint: name, provider: 'cpu', threads: '1', texts: 'made up' });
    const model = await openModel(source);
    const expected = await referenceForward(openDecoder(model), rows);
    await model.close();
    const grams = [...expected.layers.flatMap((layer) => [layer.attentionGram, layer.mlpGram!]), expected.headGram];
    expect(sites).toBe(grams.length);
    const sum = grams[0]!.map((_, index) => grams.reduce((total, site) => total + site[index]!, 0));
    expect(furthest(gram, sum) / Math.max(...sum)).toBeLessThan(1e-5);
    for (const [site, values] of grams.entries()) {
      const trace = Array.from({ length: size }, (_, i) => values[i * (size + 1)]!).reduce((a, b) => a + b, 0);
      expect(Math.abs(traces![site]! / trace - 1)).toBeLessThan(1e-5);
      const matrix = Matrix.from1DArray(size, size, Array.from(values));
      const solved = new EigenvalueDecomposition(matrix, { assumeSymmetric: true }).realEigenvalues;
      const descending = solved.toSorted((a, b) => b - a);
      expect(furthest(spectra!.subarray(site * size, (site + 1) * size), descending) / descending[0]!).toBeLessThan(
        1e-5,
      );
    }
  });

  test('without spectra the file has none', async () => {
    const folder = emptyFolder();
    await handlers.blockStatistics(request(folder, { windows: windows.slice(0, 2), spectra: false }), quiet);
    expect(await readGram(statisticsFiles(folder).gram)).toMatchObject({ spectra: null, madeOf: { spectra: 'none' } });
  });
});

const furthest = (found: ArrayLike<number>, expected: ArrayLike<number>): number =>
  Array.from(expected).reduce((worst, value, index) => Math.max(worst, Math.abs(value - found[index]!)), 0);

describe('what cannot be calibrated', () => {
  const few = { windows: windows.slice(0, 2), spectra: false };
  const spoiled = path.join(temporary, 'spoiled.gguf');

  test('a weight that is not finite: the tensor and the element', async () => {
    await withElement(spoiled, 'blk.3.ffn_down.weight', 1234, 0x7e00);
    const error = await thrownBy(() =>
      handlers.blockStatistics(request(emptyFolder(), { ...few, source: spoiled }), quiet),
    );
    expect(error).toMatchObject({
      code: 'NON_FINITE',
      details: { tensor: 'blk.3.ffn_down.weight', element: 1234, value: 'NaN' },
    });
  });

  test('activations that are not finite: the layer and the linear', async () => {
    // Finite weights of a norm whose output is not.
    await withFloat(spoiled, 'blk.2.ffn_norm.weight', 7, 3e38);
    const error = await thrownBy(() =>
      handlers.blockStatistics(request(emptyFolder(), { ...few, source: spoiled }), quiet),
    );
    expect(error).toMatchObject({ code: 'NON_FINITE', details: { where: 'layer 2 of 6' } });
    expect(error!.message).toMatch(/blk\.2\.ffn_(gate|up)\.weight|ffn_down/);
  });

  test('a provider that is not there: its name and what to do', async () => {
    const error = await thrownBy(() =>
      handlers.blockStatistics(request(emptyFolder(), { ...few, provider: 'cuda' }), quiet),
    );
    expect(error).toMatchObject({ code: 'DEVICE_UNAVAILABLE', details: { provider: 'cuda' } });
    expect(error!.message).toContain('--device cpu');
  });

  const small = path.join(os.tmpdir(), `snug-small-${process.pid}`);
  mkdirSync(small);
  afterAll(() => rmSync(small, { recursive: true }));
  const mount = (size: string): boolean =>
    spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', small]).status === 0;
  const canMount = mount('1m') && spawnSync('umount', [small]).status === 0;

  test.skipIf(!canMount)('a disk that is too small: refused before it starts, with numbers', async () => {
    mount('4m');
    onTestFinished(() => void execFileSync('umount', [small]));
    const error = await thrownBy(() => handlers.blockStatistics(request(small), quiet));
    expect(error).toMatchObject({ code: 'DISK_FULL' });
    expect(error!.details['needed']).toBeGreaterThan(2 * 10 * 256 * 256 * 4);
    expect(error!.details['free']).toBeLessThan(4 * 2 ** 20 + 1);
    expect(readdirSync(small)).toEqual([]);
  });

  test.skipIf(!canMount)('a disk that fills up meanwhile: what is finished stays', async () => {
    mount('14m');
    onTestFinished(() => void execFileSync('umount', [small]));
    let filled = false;
    const progress = ({ done, total }: { done: number; total: number }): void => {
      if (filled || done / total < 0.4) return;
      filled = true;
      spawnSync('dd', ['if=/dev/zero', `of=${path.join(small, 'filler')}`, 'bs=64k']);
    };
    const part = path.join(small, 'part');
    mkdirSync(part);
    const error = await thrownBy(() => handlers.blockStatistics(request(part), { ...quiet, progress }));
    expect(error).toMatchObject({ code: 'DISK_FULL' });
    rmSync(path.join(small, 'filler'));
    expect((await handlers.blockStatistics(request(part), quiet)).resumedAtLayer).toBeGreaterThanOrEqual(1);
    expect(contentsOf(part)).toEqual(whole);
  });
});
