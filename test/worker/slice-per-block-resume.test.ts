// A per-block slice that is killed at any moment goes on at the first step that is missing, to the same bytes.
import { fork } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ParamsOf } from '../../src-main/contract/define-api.ts';
import type { Progress } from '../../src-main/contract/progress.ts';
import { workerApi } from '../../src-main/contract/worker-api.ts';
import type { WorkerApi } from '../../src-main/contract/worker-api.ts';
import { processTag } from '../../src-main/core/process-identity.ts';
import { connect } from '../../src-main/rpc/client.ts';
import { childTransport } from '../../src-main/rpc/node-child.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { someTokens, temporaryFolder } from '../llama-host/host.ts';
import { withElement } from '../support/broken-models.ts';
import { root, sampleModel } from '../support/paths.ts';
import { quiet, thrownBy } from './quantize-oracle.ts';

type Params = ParamsOf<WorkerApi['methods']['slicePerBlock']>;
type Pass = { stage: string; share: number };

const temporary = temporaryFolder();
const windows = Array.from({ length: 6 }, (_, seed) => someTokens(256, seed + 1));
const layers = 6;
let made = 0;
const fresh = (): string => path.join(temporary, `${++made}`);

const constant = { scheduler: 'constant', sparsity: 0.25, round: 8, sliceHead: false } as const;
const variance = { ...constant, scheduler: 'variance' } as const;

const request = (checkpoints: string, change: Partial<Params> = {}): Params =>
  workerApi.methods.slicePerBlock.params.parse({
    ...{ source: sampleModel, windows, schedule: constant, output: fresh(), checkpoints },
    ...{ type: 'F16', orientation: 'random', threads: 1, tokenizerFrom: null, ...change },
  });

const contentsOf = (folder: string): Record<string, Buffer> =>
  Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(path.join(folder, file))]));

/** Whether a pass over the tokens is done to this share. */
const isAt = ({ stage, share }: Pass, { stage: told, unit, done, total }: Progress): boolean =>
  told === stage && unit === 'tokens' && done / total >= share;

/** Runs a worker of its own until it has come so far, then kills it as no program can prevent. */
async function killedAt(place: Pass, params: Params): Promise<void> {
  const child = fork(path.join(root, 'src-main/worker/main.ts'), { serialization: 'advanced' });
  const { call } = connect(workerApi, childTransport(child));
  const onProgress = (progress: Progress): void => {
    if (isAt(place, progress)) child.kill('SIGKILL');
  };
  const end = await call.slicePerBlock(params, { onProgress }).catch((error: unknown) => error);
  expect(end).toBeInstanceOf(Error);
}

/** Slices to the end; answers the result, the files and how much of the slicing had been done at the first word of it. */
async function sliced(params: Params, stage = 'slice') {
  const told: number[] = [];
  const progress = (report: Progress): void => {
    if (isAt({ stage, share: 0 }, report)) told.push(report.done / report.total);
  };
  const { seconds: _, peakMemoryBytes: __, ...result } = await handlers.slicePerBlock(params, { ...quiet, progress });
  return { result, files: contentsOf(params.output), begun: told[0] ?? null };
}

/** How much of the slicing has been done at the first word of it; it is cancelled then. */
async function begunAt(params: Params): Promise<number> {
  const controller = new AbortController();
  let begun = -1;
  const progress = (report: Progress): void => {
    if (controller.signal.aborted || !isAt({ stage: 'slice', share: 0 }, report)) return;
    begun = report.done / report.total;
    controller.abort();
  };
  const stopped = await thrownBy(() => handlers.slicePerBlock(params, { signal: controller.signal, progress }));
  expect(stopped).toMatchObject({ code: 'CANCELLED' });
  return begun;
}

let whole: Awaited<ReturnType<typeof sliced>>;
/** The checkpoints of one that was killed in the middle of a layer. */
const killed = path.join(temporary, 'killed');

beforeAll(async () => {
  whole = await sliced(request(fresh(), { eigenvalues: true }));
  await killedAt({ stage: 'slice', share: 0.55 }, request(killed));
});

const copyOfKilled = (): string => {
  const folder = fresh();
  cpSync(killed, folder, { recursive: true });
  return folder;
};

describe('a slicing that was killed', () => {
  test('goes on at the first step that is missing, to the same bytes and figures', async () => {
    expect(whole.result).toMatchObject({ resumedAtLayer: null, startedOver: null, isKept: true });
    const folder = copyOfKilled();
    writeFileSync(
      path.join(folder, `slice.gguf.${processTag({ pid: process.ppid, startTime: null })}.part`),
      'what a dead process was writing',
    );
    const { result, files, begun } = await sliced(request(folder, { eigenvalues: true }));
    expect(result.resumedAtLayer).toBeGreaterThanOrEqual(2);
    expect(result.resumedAtLayer).toBeLessThan(layers);
    // The sites of the steps before are told again first.
    expect(begun).toBeGreaterThanOrEqual(result.resumedAtLayer! / layers);
    expect(result).toEqual({ ...whole.result, resumedAtLayer: result.resumedAtLayer });
    expect(files).toEqual(whole.files);
    expect(readdirSync(folder).toSorted()).toEqual(['slice.gguf', 'tensors']);
  });

  test('and finished later writes its folder again without a pass over the tokens', async () => {
    const folder = copyOfKilled();
    await sliced(request(folder));
    const { result, files, begun } = await sliced(request(folder));
    expect(result.resumedAtLayer).toBe(layers);
    expect(begun).toBe(1);
    expect(files).toEqual(whole.files);
  });

  const statePath = (folder: string): string => path.join(folder, 'slice.gguf');
  const residuals = (folder: string): string[] => [0, 1].map((file) => path.join(folder, `residual.${file}`));
  test.each([
    ['a torn state', (folder: string) => flip(statePath(folder), 5000), /slice\.gguf is malformed/],
    ['a torn residual', (folder: string) => residuals(folder).forEach((file) => flip(file, 4096)), /not what/],
    ['a lost residual', (folder: string) => residuals(folder).forEach((file) => rmSync(file)), /ends at/],
    ['a torn tensor', (folder: string) => flip(path.join(folder, 'tensors'), 100_000), /not what/],
  ])('with %s starts over, says so, and gives the same bytes', async (_, spoil, reason) => {
    const folder = copyOfKilled();
    spoil(folder);
    const { result, files, begun } = await sliced(request(folder));
    expect(result).toMatchObject({ resumedAtLayer: null, startedOver: expect.stringMatching(reason) as string });
    expect(begun).toBeLessThan(0.1);
    expect(files).toEqual(whole.files);
  });

  test('is not gone on with where an input is another one', async () => {
    const changed = path.join(temporary, 'changed.gguf');
    await withElement(changed, 'blk.5.ffn_down.weight', 99, 0x1111);
    const changes: Partial<Params>[] = [
      { source: changed },
      { windows: windows.slice(1) },
      { schedule: { ...constant, sparsity: 0.5 } },
      { orientation: 'pca' },
      { seed: 7 },
      { type: 'BF16' },
      { signals: 'normed' },
      { precision: 'fp32' },
      { paperCompat: true },
      { threads: 2 },
    ];
    for (const change of changes)
      expect(await begunAt(request(copyOfKilled(), change)), Object.keys(change)[0]).toBeLessThan(0.1);
    expect(await begunAt(request(copyOfKilled()))).toBeGreaterThan(0.3);
  });
});

test('a cancel keeps what is finished and leaves no folder', async () => {
  const controller = new AbortController();
  const params = request(fresh());
  const progress = (report: Progress): void => {
    if (isAt({ stage: 'slice', share: 0.4 }, report)) controller.abort();
  };
  const stopped = await thrownBy(() => handlers.slicePerBlock(params, { signal: controller.signal, progress }));
  expect(stopped).toMatchObject({ code: 'CANCELLED' });
  expect(() => statSync(params.output)).toThrow('ENOENT');
  const { result, files } = await sliced(params);
  expect(result.resumedAtLayer).toBe(2);
  expect(files).toEqual(whole.files);
});

test("the variance scheduler's own pass goes on too, and is not done again behind it", async () => {
  const undisturbed = await sliced(request(fresh(), { schedule: variance }), 'calibrate');
  const folder = fresh();
  await killedAt({ stage: 'calibrate', share: 0.55 }, request(folder, { schedule: variance }));
  const inSlice = fresh();
  cpSync(folder, inSlice, { recursive: true });
  const { result, files, begun } = await sliced(request(folder, { schedule: variance }), 'calibrate');
  expect(begun).toBeGreaterThan(0.33);
  expect(result).toEqual(undisturbed.result);
  expect(files).toEqual(undisturbed.files);

  await killedAt({ stage: 'slice', share: 0.55 }, request(inSlice, { schedule: variance }));
  const later = await sliced(request(inSlice, { schedule: variance }), 'calibrate');
  expect(later.begun).toBe(1);
  expect(later.result.resumedAtLayer).toBeGreaterThanOrEqual(2);
  expect(later.files).toEqual(undisturbed.files);
});

function flip(file: string, place: number): void {
  const bytes = readFileSync(file);
  bytes[place]! ^= 1;
  writeFileSync(file, bytes);
}
