// An export whose worker was killed after the last file had its name and before it could say so.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { WorkerClient } from '../../src-main/engine/children.ts';
import type { JobContext } from '../../src-main/engine/jobs/context.ts';
import { exportModel } from '../../src-main/engine/stages/export.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { temporaryFolder } from '../support/engine.ts';
import { sampleModel } from '../support/paths.ts';

const { signal } = new AbortController();
const client = {
  exportModel: (options: Parameters<WorkerClient['exportModel']>[0]) =>
    handlers.exportModel(options, { signal, progress: () => {} }),
} as unknown as WorkerClient;

it.each(['onnx', 'safetensors'] as const)('as %s is done again by the next worker, to the same bytes', async (form) => {
  const output = path.join(temporaryFolder(), form === 'onnx' ? 'm.onnx' : 'm');
  const bytes = (): Buffer => readFileSync(form === 'onnx' ? output : path.join(output, 'model.safetensors'));
  const written: Buffer[] = [];
  const context = {
    ...{ signal, seconds: {}, peakMemoryBytes: 0, report: () => {} },
    worker: async <T>(task: (worker: WorkerClient) => Promise<T>): Promise<T> => {
      await task(client); // nobody hears of it
      written.push(bytes());
      return task(client);
    },
  } as unknown as JobContext;
  const options = { source: sampleModel, output, form, type: 'F16' as const };
  await exportModel(context, { ...options, force: false, tokenizerFrom: null, slicing: null });
  expect(bytes()).toEqual(written[0]);
});
