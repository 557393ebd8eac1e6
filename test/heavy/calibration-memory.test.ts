// The memory of a calibration does not grow with its text: the residual is on disk.
import { fork } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { workerApi } from '../../src-main/contract/worker-api.ts';
import { connect } from '../../src-main/rpc/client.ts';
import { childTransport } from '../../src-main/rpc/node-child.ts';
import { someTokens } from '../llama-host/host.ts';
import { temporaryFolder } from '../support/engine.ts';
import { root, sampleModel } from '../support/paths.ts';

/** Peak of a worker of its own that calibrates the sample model on windows of 512 tokens. */
async function peakOf(windowCount: number, folder: string): Promise<number> {
  mkdirSync(folder);
  const child = fork(path.join(root, 'src-main/worker/main.ts'), { serialization: 'advanced' });
  try {
    const { call } = connect(workerApi, childTransport(child));
    const windows = Array.from({ length: windowCount }, (_, seed) => someTokens(512, seed + 1));
    const params = { source: sampleModel, windows, folder, fingerprint: 'none', datasets: [], threads: 2 };
    return (await call.blockStatistics(params)).peakMemoryBytes;
  } finally {
    child.kill('SIGKILL');
  }
}

test('256 windows take no more memory than 32, though their residual is 112 MiB larger', async () => {
  const folder = temporaryFolder();
  const few = await peakOf(32, path.join(folder, 'few'));
  const many = await peakOf(256, path.join(folder, 'many'));
  // Token rows on their way to the worker, and garbage that was not collected yet: up to 51 MiB were seen.
  expect(many - few).toBeLessThan(80 * 2 ** 20);
});
