// What an export writes and says: the Modelfile, the card, commands that a shell reads as they are meant.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { GgufMetadata } from '../../../src-main/core/formats/gguf-values.ts';
import { modelCard } from '../../../src-main/engine/runners/model-card.ts';
import { modelfile } from '../../../src-main/engine/runners/ollama-modelfile.ts';
import { fittedRun, type ExportedModel } from '../../../src-main/engine/runners/exported-model.ts';
import { koboldCpp } from '../../../src-main/engine/runners/koboldcpp.ts';
import { llamaServer } from '../../../src-main/engine/runners/llama-server.ts';
import type { ExportContext } from '../../../src-main/engine/runners/runner.ts';
import { commandLine } from '../../../src-main/engine/runners/quote.ts';
import { results } from '../../cli/fake-results.ts';
import { emptyPlaces } from '../../support/runners.ts';

const GiB = 2 ** 30;
const target = { kind: 'memory', bytes: 24 * GiB, context: 8192, kvType: 'q8_0', reserveBytes: GiB };

function modelWith(texts: Record<string, string> = {}, more: Partial<ExportedModel> = {}): ExportedModel {
  const metadata = new GgufMetadata('m.gguf');
  for (const [key, value] of Object.entries({ 'general.architecture': 'llama', ...texts }))
    metadata.set(key, { type: 'string', value });
  const files = [{ path: '/m/my model.gguf', name: 'my model.gguf', bytes: 4e9 }];
  const base = { run: null, file: '/m/my model.gguf', form: 'gguf', files, bytes: 4e9, sha256: null } as const;
  return { ...base, files, name: 'my-model', metadata, record: null, ...more };
}

const fitted = (texts?: Record<string, string>): ExportedModel =>
  modelWith(texts, {
    run: '3f2a91c07b5d',
    record: {
      ...{ run: '3f2a91c07b5d', created: '2026-01-01T00:00:00Z', finished: '2026-01-01T01:00:00Z' },
      ...{ recipe: { verb: 'fit', model: '/big/big.gguf', target }, versions: { snug: '0.1.0' } },
      result: results.fit.value,
    },
  });

const chatMl = "{% for m in messages %}{{'<|im_start|>' + m['role'] + m['content'] + '<|im_end|>'}}{% endfor %}";

describe('the Modelfile', () => {
  it('has the context that the model was fitted for, and its cache as the server is told it', () => {
    const text = modelfile(fitted(), '0.31.0');
    expect(text).toContain('FROM /m/my model.gguf\n');
    expect(text).toContain('PARAMETER num_ctx 8192\n');
    expect(text).toContain('OLLAMA_KV_CACHE_TYPE=q8_0');
    expect(modelfile(modelWith(), '0.31.0')).not.toContain('num_ctx');
  });

  it('has no TEMPLATE where Ollama takes that of the file, and says so', () => {
    for (const version of ['0.30.0', '0.33.1', '1.0.0', null]) {
      const text = modelfile(modelWith({ 'tokenizer.chat_template': chatMl }), version);
      expect(text).not.toMatch(/^(TEMPLATE|PARAMETER stop)/m);
      expect(text).toContain('# No TEMPLATE: Ollama takes the chat template of the file itself');
    }
  });

  it.each([
    [chatMl, '<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>', '<|im_end|>'],
    ["'<|start_header_id|>' '<|end_header_id|>' '<|eot_id|>'", '<|start_header_id|>{{ .Role }}', '<|eot_id|>'],
    ["'<|user|>' '<|end|>' '<|assistant|>'", '<|{{ .Role }}|>\n{{ .Content }}<|end|>', '<|end|>'],
  ])('has the turns of a known family for an older Ollama', (own, turn, stop) => {
    const text = modelfile(modelWith({ 'tokenizer.chat_template': own }), '0.12.3');
    expect(text).toMatch(/^TEMPLATE """\{\{- range \.Messages \}\}/m);
    expect(text).toContain(turn);
    expect(text).toContain(`PARAMETER stop "${stop}"`);
  });

  it('guesses no TEMPLATE for an unknown family, or a model without one', () => {
    expect(modelfile(modelWith({ 'tokenizer.chat_template': '[INST] {{ x }}' }), '0.12.3')).not.toMatch(/^TEMPLATE/m);
    expect(modelfile(modelWith(), '0.12.3')).toContain('# The file has no chat template');
  });

  it('names every file of a split model', () => {
    const files = [1, 2].map((part) => ({ path: `/m/s-0000${part}-of-00002.gguf`, name: `s-${part}`, bytes: 1 }));
    const lines = modelfile(modelWith({}, { files }), '0.31.0').split('\n');
    expect(lines.filter((line) => line.startsWith('FROM'))).toEqual(files.map(({ path }) => `FROM ${path}`));
  });
});

describe('the card', () => {
  it('tells source, method, sizes, quality with its error and text, proof and licence', () => {
    const card = modelCard(fitted({ 'general.license': 'apache-2.0', 'general.author': 'A | B' }));
    expect(card).toMatch(/^---\nlicense: "apache-2\.0"\n/);
    for (const part of [
      ...['| source | big.gguf |', 'snug fit', '4.00 GB (4000000000 bytes)', results.fit.value.plan.summary],
      ...['62.90 ± 1.6', '0.02130 ± 0.00040', '`evaluation`, 8 windows of 512 tokens, by llama.cpp (as-run)', '93.4 %'],
      ...['llama.cpp b10000', String.raw`A \| B`],
    ])
      expect(card).toContain(part);
    expect(modelCard(fitted())).toBe(modelCard(fitted()));
  });

  it('of a file that Snug did not make claims nothing', () => {
    const card = modelCard(modelWith());
    expect(card).toContain('are not known');
    expect(card).not.toMatch(/## (Quality|Proof)/);
    expect(card).toContain('The file names none.');
  });
});

describe('commands', () => {
  const context = (platform: NodeJS.Platform): ExportContext =>
    ({ places: emptyPlaces(platform), name: 'my-model' }) as ExportContext;
  const nowhere = { found: true, program: '/opt/k', folder: null, looked: [] };

  it('run llama-server as the model was fitted', async () => {
    const server = { ...nowhere, program: null };
    const { next, links, notes } = await llamaServer.plan(fitted(), server, context('linux'));
    expect(next).toMatch(/^llama-server --model '\/m\/my model\.gguf' --ctx-size 8192 --n-gpu-layers \S+ /);
    expect(next).toContain('--cache-type-k q8_0 --cache-type-v q8_0');
    expect([links, notes.length]).toEqual([[], 1]);
    expect((await llamaServer.plan(fitted(), server, context('win32'))).next).toContain('--model "/m/my model.gguf"');
    const plain = await llamaServer.plan(modelWith(), server, context('linux'));
    expect(plain.next).toBe("llama-server --model '/m/my model.gguf' --ctx-size 4096");
  });

  it('run KoboldCpp with the same context and cache', async () => {
    const { next } = await koboldCpp.plan(fitted(), nowhere, context('linux'));
    expect(next).toBe("/opt/k --model '/m/my model.gguf' --contextsize 8192 --flashattention --quantkv 1");
  });

  it('reach the program as they are meant', () => {
    const words = ["it's", 'a b', '$HOME', '`id`', '"x"', String.raw`\n`, '*', ';ls', 'plain-1.gguf', ''];
    const read = execFileSync('sh', ['-c', `printf '%s|' ${commandLine(words, 'linux')}`], { encoding: 'utf8' });
    expect(read).toBe(words.map((word) => `${word}|`).join(''));
  });

  it('on Windows are quoted for both shells, or for PowerShell where only that can', () => {
    const words = ['C:\\models\\m.gguf', 'C:\\my models\\m.gguf', "C:\\$m's.gguf"];
    expect(commandLine(words, 'win32')).toBe(`C:\\models\\m.gguf "C:\\my models\\m.gguf" 'C:\\$m''s.gguf'`);
  });
});

describe('settings of a fit', () => {
  it('are what its plan makes of them; a record of an older form has none', () => {
    expect(fittedRun(fitted())?.settings).toEqual({ context: 8192, kvType: 'q8_0' });
    const older = fitted();
    older.record!.result = { plan: { id: 'x' } };
    expect(fittedRun(older)).toBeNull();
  });
});
