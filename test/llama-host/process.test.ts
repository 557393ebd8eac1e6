// The host as a process of its own: what crosses, what a crash takes with it, cancel over the wire, hostile files.
import { fork, type ChildProcess } from 'node:child_process';
import { copyFileSync, openSync, readFileSync, readdirSync, writeSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { AppError } from '../../src-main/contract/errors.ts';
import { llamaHostApi, type LlamaHostApi } from '../../src-main/contract/llama-host-api.ts';
import { connect, type Client } from '../../src-main/rpc/client.ts';
import { childTransport } from '../../src-main/rpc/node-child.ts';
import { architectures, fixtures, root, sampleModel } from '../support/paths.ts';
import { exact, failureOf, goldenRows, someTokens, temporaryFolder } from './host.ts';

const folder = temporaryFolder();
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function startHost(): { client: Client<LlamaHostApi>; stderr: () => string } {
  const child = fork(path.join(root, 'src-main/llama-host/main.ts'), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  children.push(child);
  let text = '';
  child.stderr!.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const closedError = (reason: string): AppError =>
    new AppError('LLAMA_CRASHED', `The llama host ended: ${reason}.`, { reason });
  return { client: connect(llamaHostApi, childTransport(child), { closedError }), stderr: () => text };
}

test('typed arrays and results cross, and obey the contract', async () => {
  const { client } = startHost();
  const identity = await client.call.identify({});
  expect(llamaHostApi.methods.identify.result.parse(identity).release).toBe('0.4.0-dev');
  const { ids } = await client.call.tokenize({
    model: sampleModel,
    texts: [new TextEncoder().encode('The house is')],
    addSpecial: true,
    parseSpecial: false,
  });
  expect(ids[0]).toBeInstanceOf(Int32Array);
  const compared = await client.call.compare({
    reference: sampleModel,
    candidate: sampleModel,
    windows: [someTokens(64)],
    settings: exact,
  });
  expect(llamaHostApi.methods.compare.result.parse(compared).windows[0]!.kld).toHaveLength(63);
  const output = path.join(folder, 'values.bin');
  const statistics = await client.call.statistics({
    model: sampleModel,
    windows: [someTokens(64)],
    output,
    settings: exact,
  });
  expect(llamaHostApi.methods.statistics.result.parse(statistics).entries.map(({ name }) => name)).toContain(
    'output.weight',
  );
  const memory = await client.call.memory({ requests: [{ header: sampleModel, context: 512, settings: {} }] });
  expect(llamaHostApi.methods.memory.result.parse(memory).results).toHaveLength(1);
  const generated = await client.call.generate({ model: sampleModel, prompt: 'It was', tokens: 3, settings: exact });
  expect(llamaHostApi.methods.generate.result.parse(generated).tokens).toBe(3);
});

test('a cancel over the wire ends a long call within two seconds, and the host lives on', async () => {
  const { client } = startHost();
  const controller = new AbortController();
  const windows = Array.from({ length: 500 }, (_, i) => someTokens(256, i));
  let started = 0;
  const call = client.call.compare(
    { reference: sampleModel, candidate: sampleModel, windows, settings: exact },
    {
      signal: controller.signal,
      onProgress: ({ stage }) => {
        if (stage !== 'evaluate' || started > 0) return;
        started = performance.now();
        controller.abort();
      },
    },
  );
  expect(await failureOf(() => call)).toMatchObject({ code: 'CANCELLED' });
  expect(performance.now() - started).toBeLessThan(2000);
  expect((await client.call.describe({ model: sampleModel })).vocabSize).toBe(4096);
});

test.skipIf(!architectures)(
  'a file that aborts llama.cpp ends the child only, with the assertion on its stderr',
  async () => {
    const broken = path.join(folder, 'broken.gguf');
    copyFileSync(path.join(architectures!, 'qwen3moe.gguf'), broken);
    const key = Buffer.from('qwen3moe.expert_used_count');
    const place = readFileSync(broken).indexOf(key) + key.length + 4; // after the type comes the value
    writeSync(openSync(broken, 'r+'), Buffer.from(Uint32Array.of(9).buffer), 0, 4, place);
    const { client, stderr } = startHost();
    const error = await failureOf(() =>
      client.call.compare({ reference: null, candidate: broken, windows: goldenRows(), settings: exact }),
    );
    expect(error).toMatchObject({ code: 'LLAMA_CRASHED', details: { reason: 'signal SIGABRT' } });
    expect(stderr()).toContain('GGML_ASSERT');
  },
);

describe('hostile files', () => {
  const names = readdirSync(path.join(fixtures, 'hostile')).filter((name) => name.startsWith('gguf-'));

  test('each is an error with a reason, and the host lives on', async () => {
    const { client } = startHost();
    for (const name of names) {
      const model = path.join(fixtures, 'hostile', name);
      const error = await failureOf(() =>
        client.call.compare({ reference: null, candidate: model, windows: [someTokens(4)], settings: exact }),
      );
      expect(error, name).toMatchObject({ code: 'LLAMA_FAILED', details: { candidate: model } });
      expect(String(error.details['log']).length, name).toBeGreaterThan(20);
    }
    expect((await client.call.identify({})).release).toBe('0.4.0-dev');
  });
});
