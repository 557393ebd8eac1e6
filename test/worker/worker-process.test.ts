// The worker as the engine runs it: a process of its own.
import { fork, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ClientOf } from '../../src-main/contract/define-api.ts';
import type { AppError } from '../../src-main/contract/errors.ts';
import type { Progress } from '../../src-main/contract/progress.ts';
import { workerApi, type WorkerApi } from '../../src-main/contract/worker-api.ts';
import { connect } from '../../src-main/rpc/client.ts';
import { childTransport } from '../../src-main/rpc/node-child.ts';
import { root, sampleModel } from '../support/paths.ts';
import { makeImportance, temporaryFolder, thrownBy } from './quantize-oracle.ts';

const folder = temporaryFolder();
const children: ChildProcess[] = [];
let importance: string;

beforeAll(async () => {
  importance = await makeImportance(sampleModel, folder);
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true }));

function startWorker(env: NodeJS.ProcessEnv = {}): { child: ChildProcess; call: ClientOf<WorkerApi> } {
  const child = fork(path.join(root, 'src-main/worker/main.ts'), {
    serialization: 'advanced',
    env: { ...process.env, ...env },
    execArgv: [],
  });
  children.push(child);
  return { child, call: connect(workerApi, childTransport(child)).call };
}

function parts(): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.part'));
}

/** Waits until `reached`; a call that ended by then is a failure. */
async function until(reached: () => boolean, running: Promise<AppError | null>): Promise<void> {
  let ended: AppError | null | undefined;
  void running.then((error) => (ended = error));
  while (!reached()) {
    if (ended !== undefined) throw ended ?? new Error('the call ended too soon');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A slow quantisation: about 10 CPU seconds. */
function slowRequest(output: string) {
  const types = Object.fromEntries(
    ['attn_q', 'attn_output', 'ffn_up', 'ffn_gate', 'ffn_down'].flatMap((name) =>
      [0, 1, 2, 3].map((layer) => [`blk.${layer}.${name}.weight`, 'IQ1_M']),
    ),
  );
  return { source: sampleModel, output: path.join(folder, output), types, fileType: null, importance, threads: 2 };
}

describe('worker process', () => {
  it('says what it can do', async () => {
    const { call } = startWorker();
    const { ggmlVersion, types, onnxProviders } = await call.identify({});
    expect(ggmlVersion).toBe('0.23.0');
    expect(types.find(({ name }) => name === 'Q4_K')).toEqual({
      id: 12,
      name: 'Q4_K',
      blockSize: 256,
      typeSize: 144,
      canQuantize: true,
      canDequantize: true,
      requiresImportance: false,
    });
    expect(types.filter(({ requiresImportance }) => requiresImportance).map(({ name }) => name)).toEqual([
      'IQ2_XXS',
      'IQ2_XS',
      'IQ3_XXS',
      'IQ1_S',
      'IQ2_S',
      'IQ1_M',
    ]);
    expect(onnxProviders).toContain('cpu');
  });

  it('cancels within 2 s and leaves no file', async () => {
    const { call } = startWorker();
    const params = slowRequest('cancelled.gguf');
    const controller = new AbortController();
    let latest: Progress | null = null;
    const running = thrownBy(() =>
      call.quantize(params, { signal: controller.signal, onProgress: (progress) => void (latest = progress) }),
    );
    await until(() => latest !== null, running);
    const start = performance.now();
    controller.abort();
    expect(await running).toMatchObject({ code: 'CANCELLED' });
    expect(performance.now() - start).toBeLessThan(2000);
    expect(existsSync(params.output)).toBe(false);
    expect(parts()).toEqual([]);
    await expect(call.identify({})).resolves.toBeDefined();
  });

  it('leaves nothing when its parent goes away', async () => {
    const { child, call } = startWorker();
    const params = slowRequest('orphan.gguf');
    const running = thrownBy(() => call.quantize(params));
    await until(() => parts().length > 0, running);
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.disconnect();
    await exited;
    expect(parts()).toEqual([]);
    expect(existsSync(params.output)).toBe(false);
    expect(await running).toMatchObject({ code: 'WORKER_CRASHED' });
  });

  it('after a kill the next run clears what was left', async () => {
    const first = startWorker();
    const params = slowRequest('killed.gguf');
    const running = thrownBy(() => first.call.quantize(params));
    await until(() => parts().length > 0, running);
    first.child.kill('SIGKILL');
    expect(await running).toMatchObject({ code: 'WORKER_CRASHED' });
    expect(parts()).toHaveLength(1);
    const second = startWorker();
    await second.call.quantize({ ...params, types: {} });
    expect(parts()).toEqual([]);
    expect(existsSync(params.output)).toBe(true);
  });

  it('explains a missing library', async () => {
    const { call } = startWorker({ SNUG_LLAMA_FOLDER: folder });
    expect(await thrownBy(() => call.identify({}))).toMatchObject({
      code: 'NATIVE_UNAVAILABLE',
      details: { searched: [folder] },
    });
  });
});
