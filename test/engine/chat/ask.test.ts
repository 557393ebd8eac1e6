// Asking both from end to end, with the sample and what was made of it: real llama hosts, a real history.
import { copyFileSync, cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { askRequest, type AskResult, type AskSide, type Asking } from '../../../src-main/contract/chat.ts';
import { AppError } from '../../../src-main/contract/errors.ts';
import { temporaryFolder } from '../../llama-host/host.ts';
import { quick, startEngine, type TestEngine } from '../../support/engine.ts';
import { childrenOf } from '../../support/killing.ts';
import { sampleFolder, sampleModel } from '../../support/paths.ts';

const made = { ...quick, prove: false, evaluate: false };
/** What the engine leaves to the window and the system. */
const marginBytes = 512 * 2 ** 20;
const isAtWork = ({ state }: AskSide): boolean => state === 'loading' || state === 'writing';
const question = 'Once upon a time';
const base = temporaryFolder();
const newFolder = (): string => mkdtempSync(path.join(base, 'x-'));

async function quantized(engine: TestEngine, model: string, more: object = {}): Promise<string> {
  const output = path.join(newFolder(), 'made.gguf');
  const { id } = await engine.run({
    verb: 'quantize',
    model,
    type: 'Q4_0',
    output,
    importance: 'off',
    ...made,
    ...more,
  });
  return id;
}

interface Asked {
  result: AskResult;
  told: Asking[];
}

async function ask(engine: TestEngine, request: object, signal = new AbortController().signal): Promise<Asked> {
  const told: Asking[] = [];
  const context = { signal, progress: (state: Asking) => void told.push(state) };
  const result = await engine.call['chat.ask'](askRequest.parse({ question, tokens: 12, ...request }), context);
  return { result, told };
}

function asked({ result }: Asked): Extract<AskResult, { outcome: 'asked' }> {
  if (result.outcome !== 'asked') throw new Error(`expected answers: ${JSON.stringify(result)}`);
  return result;
}

describe('a question to both', () => {
  let engine: TestEngine;
  let run: string;

  beforeAll(async () => {
    engine = await startEngine({ home: newFolder() });
    run = await quantized(engine, sampleModel);
  });

  it('is answered side by side, told on the way, the same each time', async () => {
    const first = await ask(engine, { run });
    const { original, compressed, form, together } = asked(first);
    expect({ form, together }).toEqual({ form: 'no template', together: true });
    for (const side of [original, compressed])
      expect(side).toMatchObject({ state: 'done', tokens: 12, endedBy: 'limit', engine: 'llama.cpp', device: 'cpu' });
    const written = first.told.filter((state) => state.original.state === 'writing');
    expect(written.length).toBeGreaterThan(0);
    for (const state of written)
      if (state.original.state === 'writing' && original.state === 'done')
        expect(original.text.startsWith(state.original.text)).toBe(true);
    expect(asked(await ask(engine, { run })).original).toMatchObject({ text: (original as { text: string }).text });
  });

  it('is taken in turn where memory does not hold both, and refused with the figures where it holds none', async () => {
    const none = await startEngine({ home: engine.home, system: { availableMemory: () => 1e6 } });
    const { original } = asked(await ask(none, { run }));
    expect(original).toMatchObject({ state: 'refused', error: { code: 'OUT_OF_MEMORY', details: { free: 0 } } });
    if (original.state !== 'refused') return;
    expect(original.error.message).toMatch(/It needs [\d.]+ MiB of memory/);

    const enoughForOne = Number(original.error.details['needed']) + 2 ** 20 + marginBytes;
    const few = await startEngine({ home: engine.home, system: { availableMemory: () => enoughForOne } });
    const inTurn = await ask(few, { run });
    expect(asked(inTurn)).toMatchObject({
      together: false,
      original: { state: 'done' },
      compressed: { state: 'done' },
    });
    const both = inTurn.told.filter(({ original: one, compressed }) => [one, compressed].every(isAtWork));
    expect(both).toEqual([]);
  });

  it('is stopped within two seconds, and one at a time is answered', async () => {
    const controller = new AbortController();
    const long = ask(engine, { run, tokens: 400 }, controller.signal);
    const late = await ask(engine, { run }).catch((error: unknown) => AppError.from(error));
    expect(late).toMatchObject({ code: 'USAGE' });
    await sleep(300);
    const start = performance.now();
    controller.abort();
    await expect(long).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(performance.now() - start).toBeLessThan(2000);
    expect(asked(await ask(engine, { run })).compressed.state).toBe('done');
  });

  it('tells of a side whose process died, with what it wrote', async () => {
    let killed = 0;
    const told = (state: Asking): void => {
      if (killed > 0 || !isAtWork(state.compressed) || !('text' in state.compressed)) return;
      for (const { pid, program } of childrenOf(process.pid))
        if (program.includes('llama-host')) killed += Number(process.kill(pid, 'SIGKILL'));
    };
    const context = { signal: new AbortController().signal, progress: told };
    const request = askRequest.parse({ run, question, tokens: 400, temperature: 1 });
    const result = await engine.call['chat.ask'](request, context);
    expect(killed).toBeGreaterThan(0);
    expect(result).toMatchObject({ compressed: { state: 'failed', error: { code: 'LLAMA_CRASHED' } } });
    expect(asked(await ask(engine, { run })).compressed.state).toBe('done');
  });

  it('says which side has no file', async () => {
    const model = path.join(newFolder(), 'gone.gguf');
    copyFileSync(sampleModel, model);
    const other = await quantized(engine, model);
    rmSync(model);
    const { original, compressed, together } = asked(await ask(engine, { run: other }));
    expect(original).toMatchObject({ state: 'refused', error: { code: 'FILE_NOT_FOUND' } });
    expect(together).toBeNull(); // not for lack of memory
    expect(compressed.state).toBe('done');
  });

  it('waits for the user where a run computes', async () => {
    const id = await engine.runUntil(
      { verb: 'evaluate', model: sampleModel, threads: 1, evaluation: { windows: 200 } },
      'evaluate',
    );
    expect((await ask(engine, { run })).result).toMatchObject({ outcome: 'busy', run: id, verb: 'evaluate' });
    expect(asked(await ask(engine, { run, besideRun: true })).compressed.state).toBe('done');
    await engine.call['jobs.cancel']({ id }, { signal: new AbortController().signal, progress: () => {} });
  });

  it('refuses a prompt that fills the model’s context', async () => {
    const { original } = asked(await ask(engine, { run, question: 'word '.repeat(2000) }));
    expect(original).toMatchObject({ state: 'refused', error: { code: 'USAGE' } });
  });
});

describe('a folder of safetensors as the original', () => {
  it('is never copied: it says how to make a GGUF, and one that was made is found', async () => {
    const engine = await startEngine({ home: newFolder() });
    const folder = path.join(newFolder(), 'folder');
    cpSync(sampleFolder, folder, { recursive: true, filter: (name) => !name.endsWith('.gguf') });
    const run = await quantized(engine, folder);
    const { original, compressed } = asked(await ask(engine, { run }));
    expect(original).toMatchObject({ state: 'refused', error: { code: 'USAGE' } });
    if (original.state === 'refused') expect(original.error.message).toContain('snug quantize');
    expect(compressed.state).toBe('done');
    await quantized(engine, folder, { type: 'F16' });
    expect(asked(await ask(engine, { run })).original).toMatchObject({ state: 'done', engine: 'llama.cpp' });
  });
});

describe('a model that was sliced block by block', () => {
  it('answers through its ONNX form, which is gone afterwards', async () => {
    const engine = await startEngine({ home: newFolder() });
    const output = path.join(newFolder(), 'sliced');
    const { id } = await engine.run({
      ...{ verb: 'slice', method: 'per-block', model: sampleModel, sparsity: 0.25, type: 'F16', output },
      ...made,
    });
    const { original, compressed } = asked(await ask(engine, { run: id }));
    expect(original).toMatchObject({ state: 'done', engine: 'llama.cpp' });
    expect(compressed).toMatchObject({ state: 'done', engine: 'onnx', tokens: 12 });
    expect(readdirSync(path.join(engine.home, 'jobs')).filter((name) => name.startsWith('ask-'))).toEqual([]);
  });
});
