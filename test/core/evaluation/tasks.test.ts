import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTask, scoreTask, taskItems, type TaskExample } from '../../../src-main/core/evaluation/tasks.ts';
import { openFolderTokenizer } from '../../../src-main/core/tokens/folder-tokenizer.ts';
import { referenceTexts, sampleFolder } from '../../support/paths.ts';
import { failureOf, temporaryFolder } from '../formats/temporary-folder.ts';

const folder = temporaryFolder();

async function task(lines: (object | string)[], name = 'task.jsonl') {
  const file = path.join(folder, name);
  writeFileSync(file, lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
  return readTask(file);
}

const arc = { query: 'Question: What is wet?', choices: ['water', ' sand '], gold: 0 };
const winogrande = {
  context_options: ['Ann thanked Bo because Ann', 'Ann thanked Bo because Bo'],
  continuation: 'had helped.',
  gold: 1,
};

describe('readTask', () => {
  it('reads questions, other queries and winogrande', async () => {
    const { name, examples } = await task(
      [arc, '', { query: 'The sky is ', choices: ['blue', 'late'], gold: 0 }, winogrande],
      'mixed.jsonl',
    );
    expect(name).toBe('mixed');
    expect(examples).toEqual([
      {
        choices: ['water', 'sand'].map((choice) => ({
          context: 'Question: What is wet?\nAnswer:',
          continuation: ` ${choice}`,
        })),
        gold: 0,
      },
      { choices: ['blue', 'late'].map((choice) => ({ context: 'The sky is', continuation: ` ${choice}` })), gold: 0 },
      { choices: winogrande.context_options.map((context) => ({ context, continuation: ' had helped.' })), gold: 1 },
    ]);
  });

  it('keeps an answer mark that is there', async () => {
    const { examples } = await task([{ ...arc, query: 'Question: Why?\nAnswer:' }]);
    expect(examples[0]!.choices[0]!.context).toBe('Question: Why?\nAnswer:');
  });

  it.each<[string, object | string]>([
    ['no JSON', '{'],
    ['no choices', { query: 'a', gold: 0 }],
    ['one choice', { ...arc, choices: ['a'] }],
    ['a choice that is empty', { ...arc, choices: ['a', ' '] }],
    ['no query', { choices: ['a', 'b'], gold: 0 }],
    ['no continuation', { context_options: ['a', 'b'], gold: 0 }],
    ['no gold', { query: 'a', choices: ['a', 'b'] }],
    ['gold outside', { ...arc, gold: 2 }],
    ['gold below', { ...arc, gold: -1 }],
    ['gold as text', { ...arc, gold: '0' }],
  ])('%s is malformed at its line', async (_, line) => {
    expect(await failureOf(task([arc, line]))).toMatchObject({ code: 'FILE_MALFORMED', details: { where: 'line 2' } });
  });

  it('a file without examples is malformed, a missing one is not found', async () => {
    expect(await failureOf(task(['']))).toMatchObject({ code: 'FILE_MALFORMED' });
    expect(await failureOf(readTask(path.join(folder, 'missing.jsonl')))).toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it.skipIf(referenceTexts === null).each([
    ['arc_easy', 2376],
    ['piqa', 1838],
    ['winogrande', 1267],
  ])('reads %s', async (name, count) => {
    expect((await readTask(path.join(referenceTexts!, 'eval', `${name}.jsonl`))).examples).toHaveLength(count);
  });
});

describe('taskItems', () => {
  const bos = 256;
  /** One token a byte, after BOS. */
  const bytes = async (texts: Uint8Array[]) => texts.map((text) => Int32Array.from([bos, ...text]));
  const codes = (text: string): number[] => [...new TextEncoder().encode(text)];

  it('splits at the end of the context, in one call', async () => {
    let calls = 0;
    const counted = (texts: Uint8Array[]) => (calls++, bytes(texts));
    const items = await taskItems(await task([arc, winogrande]), counted);
    expect(items).toHaveLength(4);
    expect(items[0]).toEqual({
      context: Int32Array.from([bos, ...codes('Question: What is wet?\nAnswer:')]),
      continuation: Int32Array.from(codes(' water')),
    });
    expect(items[3]).toEqual({
      context: Int32Array.from([bos, ...codes('Ann thanked Bo because Bo')]),
      continuation: Int32Array.from(codes(' had helped.')),
    });
    expect(calls).toBe(1);
  });

  it('moves spaces that end a context to the continuation', async () => {
    const spaced: TaskExample = { choices: [{ context: 'a  ', continuation: 'b' }], gold: 0 };
    const [item] = await taskItems({ name: 'spaced', examples: [spaced] }, bytes);
    expect(item).toEqual({
      context: Int32Array.from([bos, ...codes('a')]),
      continuation: Int32Array.from(codes('  b')),
    });
  });

  it('gives a continuation a token also where it merged into the context', async () => {
    const merging = async (texts: Uint8Array[]) => texts.map(() => Int32Array.of(bos, 1, 2));
    const [item] = await taskItems(
      { name: 'merged', examples: [{ choices: [{ context: 'a', continuation: ' b' }], gold: 0 }] },
      merging,
    );
    expect(item).toEqual({ context: Int32Array.of(bos, 1), continuation: Int32Array.of(2) });
  });

  it('leaves out the start of a context that is too long', async () => {
    const long: TaskExample = {
      choices: [
        { context: 'abcdefgh', continuation: ' xy' },
        { context: 'abc', continuation: ' uvwxyz' },
      ],
      gold: 0,
    };
    const items = await taskItems({ name: 'long', examples: [long] }, bytes, 6);
    expect(items).toEqual([
      { context: Int32Array.from(codes('fgh')), continuation: Int32Array.from(codes(' xy')) },
      { context: Int32Array.from(codes('c')), continuation: Int32Array.from(codes('vwxyz')) },
    ]);
  });

  it('puts context and continuation together to the tokens of the whole, with a real tokenizer', async () => {
    const { encode } = await openFolderTokenizer(sampleFolder);
    const read = await task([arc, winogrande]);
    const items = await taskItems(read, async (texts) =>
      texts.map((text) => Int32Array.from(encode(Buffer.from(text).toString()))),
    );
    const wholes = read.examples.flatMap(({ choices }) =>
      choices.map(({ context, continuation }) => encode(context + continuation)),
    );
    expect(items.map(({ context, continuation }) => [...context, ...continuation])).toEqual(wholes);
  });
});

describe('scoreTask', () => {
  const example = (gold: number, ...continuations: string[]): TaskExample => ({
    choices: continuations.map((text) => ({ context: 'c', continuation: ` ${text}` })),
    gold,
  });

  it('counts by the sum, and by the sum per byte without the space', () => {
    // Per byte: -4/2 against -6/6, then -1/1 against -3/2 (é has two bytes), then equal: the first wins.
    const examples = [example(1, 'ab', 'abcdef'), example(0, 'a', 'é'), example(1, 'x', 'x')];
    const { accuracy, accuracyNormalised, standardError, standardErrorNormalised } = scoreTask(
      examples,
      Float64Array.of(-4, -6, -1, -3, -2, -2),
    );
    expect([accuracy, accuracyNormalised]).toEqual([1 / 3, 2 / 3]);
    expect(standardError).toBeCloseTo(Math.sqrt(((1 / 3) * (2 / 3)) / 3), 12);
    expect(standardErrorNormalised).toBeCloseTo(standardError, 12);
  });

  it('is the same both ways where the continuation is the same', async () => {
    const { examples } = await task([winogrande, winogrande, { ...winogrande, gold: 0 }]);
    const { accuracy, accuracyNormalised } = scoreTask(examples, Float64Array.of(-9, -8, -3, -4, -1, -2));
    expect([accuracy, accuracyNormalised]).toEqual([2 / 3, 2 / 3]);
  });

  it('refuses values that are not finite, and wrong counts', () => {
    const failing = (values: number[]) => () =>
      scoreTask([example(0, 'a', 'b'), example(0, 'a', 'b')], Float64Array.from(values));
    expect(failing([-1, -2, Number.NaN, -1])).toThrow(
      expect.objectContaining({ code: 'NON_FINITE', details: { example: 1 } }),
    );
    expect(failing([-1, -2, -3])).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    expect(() => scoreTask([], new Float64Array())).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  });
});
