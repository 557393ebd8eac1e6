// A file that is quantised or sliced and killed in the middle goes on at the first tensor that is missing.
import { fork } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Progress } from '../../src-main/contract/progress.ts';
import { workerApi } from '../../src-main/contract/worker-api.ts';
import { statisticsFiles } from '../../src-main/core/calibration/saved-statistics.ts';
import { connect } from '../../src-main/rpc/client.ts';
import { childTransport } from '../../src-main/rpc/node-child.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { someTokens, temporaryFolder } from '../llama-host/host.ts';
import { root, sampleModel } from '../support/paths.ts';
import { makeImportance, quiet, thrownBy } from './quantize-oracle.ts';

const temporary = temporaryFolder();
let made = 0;
const fresh = (): string => {
  const folder = path.join(temporary, `${++made}`);
  mkdirSync(folder);
  return folder;
};
const key = 'k'.repeat(64);

type Call = ReturnType<typeof connect<typeof workerApi>>['call'];
type Options = Parameters<Call['quantize']>[1];

/** A task that writes `output`, in this process or in a worker. */
interface Task {
  name: string;
  run: (
    call: Pick<Call, 'quantize' | 'sliceShared'>,
    place: { output: string; kept: { folder: string; key: string } },
    options: Options,
  ) => Promise<{ sha256: string; fileBytes: number; resumedAtTensor: number | null }>;
}

let importance: string;
const statistics = path.join(temporary, 'statistics');

const tasks: Task[] = [
  {
    name: 'quantising',
    run: (call, place, options) =>
      call.quantize(
        { ...{ source: sampleModel, types: slowTypes('IQ3_XXS'), fileType: 15, importance, threads: 1 }, ...place },
        options,
      ),
  },
  {
    name: 'slicing by one rotation',
    run: (call, place, options) =>
      call.sliceShared(
        {
          ...{ source: sampleModel, gram: statisticsFiles(statistics).gram, width: 224, type: 'F16', threads: 1 },
          ...{ orientation: 'random', types: slowTypes('IQ4_NL'), ...place },
        },
        options,
      ),
  },
];

/** Types that take long enough to be killed. */
function slowTypes(type: 'IQ3_XXS' | 'IQ4_NL'): Record<string, string> {
  const layers = Array.from({ length: 6 }, (_, layer) => `blk.${layer}`);
  return Object.fromEntries(
    layers.flatMap((layer) => ['ffn_up', 'ffn_gate'].map((name) => [`${layer}.${name}.weight`, type])),
  );
}

/** The worker's tasks in this process, with defaults as the worker fills them in. */
const here = {
  quantize: async (params: Parameters<Call['quantize']>[0], options: Options) =>
    handlers.quantize(workerApi.methods.quantize.params.parse(params), { ...quiet, ...contextOf(options) }),
  sliceShared: async (params: Parameters<Call['sliceShared']>[0], options: Options) =>
    handlers.sliceShared(workerApi.methods.sliceShared.params.parse(params), { ...quiet, ...contextOf(options) }),
};
const contextOf = (options: Options) => ({
  ...(options?.signal && { signal: options.signal }),
  ...(options?.onProgress && { progress: options.onProgress }),
});

/** Writes to the end; answers the result, the bytes, and how much had been done at the first word. */
async function written(task: Task, folder: string, keyed = key) {
  const output = path.join(fresh(), 'model.gguf');
  const told: number[] = [];
  // What was found of a rotation comes before anything is written.
  const onProgress = ({ done, total, sites }: Progress): void => void (sites ?? told.push(done / total));
  const result = await task.run(here, { output, kept: { folder, key: keyed } }, { onProgress });
  return { result, bytes: readFileSync(output), begun: told[0]!, beside: readdirSync(path.dirname(output)) };
}

/** Kills a worker of its own in the middle of the file; answers the folder of its output. A fast machine may be done before the kill. */
async function killed(task: Task, folder: string): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const output = path.join(fresh(), 'model.gguf');
    const end = await endOfKilled(task, { output, kept: { folder, key } });
    if (end instanceof Error && !existsSync(output)) return path.dirname(output);
    expect(attempt, 'every worker was done before it was killed').toBeLessThan(10);
    mkdirSync(folder, { recursive: true });
  }
}

async function endOfKilled(task: Task, wanted: Parameters<Task['run']>[1]): Promise<unknown> {
  const child = fork(path.join(root, 'src-main/worker/main.ts'), { serialization: 'advanced' });
  const { call } = connect(workerApi, childTransport(child));
  const onProgress = ({ done, total }: Progress): void => {
    if (done / total > 0.5) child.kill('SIGKILL');
  };
  return task.run(call, wanted, { onProgress }).catch((error: unknown) => error);
}

beforeAll(async () => {
  importance = await makeImportance(sampleModel, temporary);
  mkdirSync(statistics);
  const windows = [someTokens(256, 1)];
  const params = { source: sampleModel, windows, folder: statistics, fingerprint: key, datasets: ['made up'] };
  await handlers.blockStatistics({ ...params, provider: 'cpu', threads: 1, spectra: false }, quiet);
});

describe.each(tasks)('$name', (task) => {
  const left = path.join(temporary, `left-${task.name}`);
  let whole: Awaited<ReturnType<typeof written>>;
  const copyOfLeft = (): string => {
    const folder = fresh();
    cpSync(left, folder, { recursive: true });
    return folder;
  };
  const partIn = (folder: string): string =>
    path.join(
      folder,
      readdirSync(folder).find((name) => name.startsWith('file.'))!,
    );

  beforeAll(async () => {
    whole = await written(task, fresh());
    expect(readdirSync(await killed(task, left))).toEqual([]);
  });

  test('goes on where it was killed, to the same bytes', async () => {
    expect(whole.result.resumedAtTensor).toBeNull();
    expect(whole.begun).toBeLessThan(0.5);
    const folder = copyOfLeft();
    const { result, bytes, begun, beside } = await written(task, folder);
    expect(result.resumedAtTensor).toBeGreaterThan(0);
    expect(begun).toBeGreaterThan(0.3);
    expect(bytes.equals(whole.bytes)).toBe(true);
    expect(result.sha256).toBe(whole.result.sha256);
    expect(beside).toEqual(['model.gguf']);
    expect(existsSync(folder)).toBe(false);
  });

  test.each([
    ['a changed byte', (folder: string) => flip(partIn(folder))],
    ['a part cut short', (folder: string) => truncateSync(partIn(folder), 5000)],
    ['no part', (folder: string) => rmSync(partIn(folder))],
    ['a torn record', (folder: string) => truncateSync(path.join(folder, 'record.json'), 20)],
    ['other inputs', () => {}, 'o'.repeat(64)],
  ])('begins anew with %s', async (_, spoil, otherKey = key) => {
    const folder = copyOfLeft();
    spoil(folder);
    const { result, bytes, begun } = await written(task, folder, otherKey);
    expect(result.resumedAtTensor).toBeNull();
    expect(begun).toBeLessThan(0.5);
    expect(bytes.equals(whole.bytes)).toBe(true);
  });

  test.skipIf(!existsSync('/dev/shm'))('keeps nothing on another disk than that of the output', async () => {
    const folder = mkdtempSync('/dev/shm/snug-kept-');
    onTestFinished(() => rmSync(folder, { recursive: true }));
    expect(readdirSync(await killed(task, folder))).toEqual([expect.stringMatching(/^model\.gguf\..*\.part$/)]);
    expect(readdirSync(folder)).toEqual([]);
    const { result, bytes } = await written(task, folder);
    expect(result.resumedAtTensor).toBeNull();
    expect(bytes.equals(whole.bytes)).toBe(true);
  });

  test('a cancel leaves nothing beside the output, and is gone on with', async () => {
    const [folder, place] = [fresh(), fresh()];
    const controller = new AbortController();
    const onProgress = ({ done, total }: Progress): void => {
      if (done / total > 0.5) controller.abort();
    };
    const output = path.join(place, 'model.gguf');
    const options = { signal: controller.signal, onProgress };
    const stopped = await thrownBy(() => task.run(here, { output, kept: { folder, key } }, options));
    expect(stopped).toMatchObject({ code: 'CANCELLED' });
    expect(readdirSync(place)).toEqual([]);
    const { result, bytes } = await written(task, folder);
    expect(result.resumedAtTensor).toBeGreaterThan(0);
    expect(bytes.equals(whole.bytes)).toBe(true);
  });
});

function flip(file: string): void {
  const bytes = readFileSync(file);
  bytes[1000]! ^= 1;
  writeFileSync(file, bytes);
}
