// Shared-rotation slicing of the dense 135M model against the figures of docs/measured.md (PyTorch fp32, float64 PCA; the
// same token rows), through llama.cpp; and the memory of a worker that slices. Found: 0.7019 and 55.164 on wiki. Takes
// three minutes on two free cores.
import { fork } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workerApi } from '../../src-main/contract/worker-api.ts';
import { openModel } from '../../src-main/core/formats/model-source.ts';
import { connect } from '../../src-main/rpc/client.ts';
import { childTransport } from '../../src-main/rpc/node-child.ts';
import { caller, exact, handlers as llama, temporaryFolder } from '../llama-host/host.ts';
import { denseModel } from '../support/dense-model.ts';
import { mean, readJson } from '../support/golden-models.ts';
import { referenceTexts, root } from '../support/paths.ts';

const source = denseModel();
const folder = temporaryFolder();
const file = (name: string): string => path.join(folder, name);
const gram = file('dense.gram');

/** Rows of the text that the figures were measured with. */
function rowsOf(name: string): Int32Array[] {
  const tokens = path.join(referenceTexts!, `measured/${name}.tokens.json`);
  return readJson<{ input_ids: number[][] }>(tokens).input_ids.map((row) => Int32Array.from(row));
}

const child = fork(path.join(root, 'src-main/worker/main.ts'), { serialization: 'advanced', execArgv: [] });
const { call } = connect(workerApi, childTransport(child));
afterAll(() => child.kill());

describe.skipIf(source === null || referenceTexts === null)('the dense 135M model at width 512 of 576', () => {
  const output = file('sliced.F16.gguf');
  let sliced: Awaited<ReturnType<typeof call.sliceShared>>;

  beforeAll(async () => {
    const rows = rowsOf('calibration');
    const importance = file('dense.imatrix.gguf');
    const params = { source: source!, windows: rows, gram, importance, datasets: [], threads: 2 };
    await call.blockStatistics(params);
    sliced = await call.sliceShared({ source: source!, gram, output, width: 512, type: 'F16', threads: 2 });
  });

  it.each([['wiki', 0.702, 55.16]])(
    '%s: a KL divergence of %d, a perplexity of %d, within three per cent',
    async (text, kld, perplexity) => {
      const windows = rowsOf(text);
      const settings = exact;
      const found = await llama.compare({ reference: source!, candidate: output, windows, settings }, caller());
      const divergence = mean(found.windows.flatMap((window) => [...window.kld!]));
      const measured = Math.exp(mean(found.windows.flatMap(({ candidateNll }) => [...candidateNll])));
      expect(Math.abs(divergence / kld - 1)).toBeLessThan(0.03);
      expect(Math.abs(measured / perplexity - 1)).toBeLessThan(0.03);
    },
  );

  it('our own graphs find the same: the reference wider than the candidate', async () => {
    const windows = rowsOf('wiki');
    const params = { reference: source!, candidate: output, windows, scratch: folder, threads: 2 };
    const found = await call.compareBlocks(params);
    const divergence = mean(found.windows.flatMap((window) => [...window.kld!]));
    const measured = Math.exp(mean(found.windows.flatMap(({ candidateNll }) => [...candidateNll])));
    const dense = Math.exp(mean(found.windows.flatMap(({ referenceNll }) => [...referenceNll!])));
    const agreement = mean(found.windows.flatMap(({ sameTop }) => [...sameTop!]));
    expect(Math.abs(divergence / 0.702 - 1)).toBeLessThan(0.03);
    expect(Math.abs(measured / 55.16 - 1)).toBeLessThan(0.03);
    expect(Math.abs(dense / 27.04 - 1)).toBeLessThan(0.01);
    expect(Math.abs(agreement - 0.58)).toBeLessThan(0.01);
  });

  it('takes no more memory than its largest block three times, the embedding and 1.2 GiB', async () => {
    const model = await openModel(source!);
    const { bytes } = model.tensors.find(({ name }) => name === 'token_embd.weight')!;
    const block = model.tensors.filter(({ name }) => name.startsWith('blk.0.'));
    await model.close();
    const blockBytes = block.reduce(
      (sum, { shape }) => sum + 4 * shape.reduce((product, size) => product * size, 1),
      0,
    );
    expect(sliced.peakMemoryBytes).toBeLessThan(3 * blockBytes + bytes + 1.2 * 2 ** 30);
    expect(sliced.untiedParameters).toBe(49_152 * 512);
  });
});
