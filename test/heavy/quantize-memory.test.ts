// Memory of the quantize task does not follow the size of the model.
import { fork } from 'node:child_process';
import { rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { workerApi } from '../../src-main/contract/worker-api.ts';
import { createGgufWriter, ggufLayout } from '../../src-main/core/formats/gguf-writer.ts';
import { GgufMetadata } from '../../src-main/core/formats/gguf-values.ts';
import { connect } from '../../src-main/rpc/client.ts';
import { childTransport } from '../../src-main/rpc/node-child.ts';
import { root } from '../support/paths.ts';
import { seededNumbers, temporaryFolder } from '../worker/quantize-oracle.ts';

const folder = temporaryFolder();
const source = path.join(folder, 'synthetic.gguf');
afterAll(() => rmSync(folder, { recursive: true }));

/** Four times the 135M model: a table of 100M weights (200 MB as F16) and 36 layers of 12M. */
const table = { name: 'token_embd.weight', type: 'F16', shape: [2048, 49_152] };
const layers = Array.from({ length: 36 }, (_, layer) => [
  { name: `blk.${layer}.attn_q.weight`, type: 'F16', shape: [2048, 2048] },
  { name: `blk.${layer}.ffn_up.weight`, type: 'F16', shape: [2048, 4096] },
]).flat();
const weights = [table, ...layers].reduce((sum, { shape }) => sum + shape[0]! * shape[1]!, 0);

beforeAll(async () => {
  const metadata = new GgufMetadata(source).set('general.architecture', { type: 'string', value: 'llama' });
  const layout = ggufLayout(metadata, [table, ...layers]);
  const writer = await createGgufWriter(source, layout);
  const next = seededNumbers(11);
  // Halves from -2 to 2 without NaN; each tensor starts elsewhere in them.
  const pattern = Uint16Array.from(
    { length: 2 ** 22 },
    () => (next() < 0.5 ? 0 : 0x8000) | Math.floor(next() * 0x4000),
  );
  for (const [index, tensor] of layout.tensors.entries())
    await writer.writeTensor(tensor.name, repeated(pattern, index * 977, tensor.bytes));
  await writer.finish();
});

function* repeated(pattern: Uint16Array<ArrayBuffer>, start: number, bytes: number): Generator<Uint8Array> {
  let done = 0;
  for (let from = start * 2; done < bytes; from = 0) {
    const part = new Uint8Array(pattern.buffer, from, Math.min(pattern.byteLength - from, bytes - done));
    done += part.length;
    yield part;
  }
}

it.each(['Q8_0', 'Q4_K'])('%s: peak memory stays below the limit', async (type) => {
  expect(weights).toBeGreaterThan(4 * 134_515_008);
  const child = fork(path.join(root, 'src-main/worker/main.ts'), { serialization: 'advanced', execArgv: [] });
  try {
    const { call } = connect(workerApi, childTransport(child));
    const types = Object.fromEntries([table, ...layers].map(({ name }) => [name, type]));
    const output = path.join(folder, `${type}.gguf`);
    const result = await call.quantize({ source, output, types, fileType: null, importance: null, threads: 2 });
    const largest = 4 * table.shape[0]! * table.shape[1]!;
    expect(result.fileBytes).toBe(statSync(output).size);
    expect(result.peakMemoryBytes).toBeLessThan(1.2 * 2 ** 30 + 3 * largest);
    // What it really takes: five slabs, the process itself, and what the file cache maps in.
    expect(result.peakMemoryBytes).toBeLessThan(450 * 2 ** 20);
  } finally {
    child.kill('SIGKILL');
  }
});
