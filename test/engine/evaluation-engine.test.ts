// Which engine evaluates: Snug's own graphs where a model has them, llama.cpp elsewhere and where it is asked for.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorOf, quick, resultOf, startEngine, temporaryFolder } from '../support/engine.ts';
import { architectures, sampleFolder, sampleModel } from '../support/paths.ts';

const evaluate = (evaluation: object, more: object = {}) => ({
  verb: 'evaluate',
  model: sampleModel,
  ...quick,
  evaluation: { ...quick.evaluation, ...evaluation },
  ...more,
});

describe('evaluation of a model with graphs', () => {
  it('is by our graphs, and by llama.cpp where that is named; both find the same perplexity', async () => {
    const engine = await startEngine();
    const own = resultOf(await engine.run(evaluate({}, { against: sampleFolder })), 'evaluate');
    expect(own).toMatchObject({ engine: 'onnx', kind: 'weights-only', device: 'cpu', topOneAgreement: 1 });
    expect(own.kld!.mean).toBe(0);
    expect(own.tokensPerSecond).toBeGreaterThan(0);
    const llama = resultOf(await engine.run(evaluate({ engine: 'llama.cpp' })), 'evaluate');
    expect(llama).toMatchObject({ engine: 'llama.cpp', kind: 'as-run' });
    const expanded = resultOf(await engine.run(evaluate({ engine: 'llama.cpp', weightsOnly: true })), 'evaluate');
    expect(expanded).toMatchObject({ engine: 'llama.cpp', kind: 'weights-only' });
    for (const { compressed } of [llama, expanded]) {
      expect(Math.abs(compressed.perplexity / own.compressed.perplexity - 1)).toBeLessThan(1e-3);
    }
  });

  it('answers questions by the engine that measures the job; both score them alike', async () => {
    const engine = await startEngine();
    const file = path.join(temporaryFolder(), 'quiz.jsonl');
    const places = ['The capital of France is', 'Question: What do birds do in the air?', 'The sun rises in the'];
    const answers = ['Paris', 'fly', 'east'];
    const lines = places.map((query, gold) => JSON.stringify({ query, choices: answers, gold }));
    writeFileSync(file, lines.join('\n'));
    const answered = async (name: string) =>
      resultOf(await engine.run(evaluate({ engine: name }, { tasks: [file] })), 'evaluate').tasks;
    const [[own], [llama]] = [await answered('onnx'), await answered('llama.cpp')];
    expect(own).toMatchObject({ name: 'quiz', examples: 3, engine: 'onnx' });
    expect(own).toEqual({ ...llama, engine: 'onnx' });
    expect(llama!.engine).toBe('llama.cpp');
  });

  it('fails on a device that is not there', async () => {
    const engine = await startEngine();
    const error = errorOf(await engine.run(evaluate({ engine: 'onnx' }, { device: 'cuda' })));
    expect(error).toMatchObject({ code: 'DEVICE_UNAVAILABLE', details: { provider: 'cuda' } });
  });
});

describe.skipIf(architectures === null)('evaluation of a model without graphs', () => {
  it('is by llama.cpp; --engine onnx says why not', async () => {
    const engine = await startEngine();
    const text = path.join(temporaryFolder(), 'rows.tokens.json');
    const row = Array.from({ length: 64 }, (_, index) => 3 + index);
    writeFileSync(text, JSON.stringify({ input_ids: [row] }));
    const model = path.join(architectures!, 'qwen3moe.gguf');
    const found = resultOf(await engine.run(evaluate({ text }, { model })), 'evaluate');
    expect(found).toMatchObject({ engine: 'llama.cpp', kind: 'as-run' });
    const error = errorOf(await engine.run(evaluate({ text, engine: 'onnx' }, { model })));
    expect(error.code).toBe('UNSUPPORTED_ARCHITECTURE');
    expect(error.message).toMatch(/qwen3moe.*Use --engine auto or llama\.cpp/);
  });
});
