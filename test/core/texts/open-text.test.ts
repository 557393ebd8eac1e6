import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { listTexts, openText } from '../../../src-main/core/texts/open-text.ts';
import { resources } from '../../support/paths.ts';
import { failureOf, sha256, temporaryFolder } from '../formats/temporary-folder.ts';

const texts = path.join(resources, 'texts');
const folder = temporaryFolder();

function file(name: string, content: string | Uint8Array): string {
  const location = path.join(folder, name);
  mkdirSync(path.dirname(location), { recursive: true });
  writeFileSync(location, content);
  return location;
}

const decoded = (items: Uint8Array[]): string[] => items.map((item) => Buffer.from(item).toString());

async function itemsOf(name: string, content: string | Uint8Array): Promise<string[]> {
  const text = await openText(file(name, content), texts);
  return decoded(text.items);
}

describe('plain text', () => {
  it.each([
    ['blank lines', 'a\nb\n\nc\n', ['a\nb', 'c']],
    ['CRLF, kept inside a paragraph', 'a\r\nb\r\n\r\nc\r\n', ['a\r\nb', 'c']],
    [
      'lines of whitespace',
      'a\n \t \n\r\n\fb  \n  c',
      ['a', 'b  \n  c'].map((item) => (item === 'a' ? item : `\f${item}`)),
    ],
    ['no end of the last line', 'a', ['a']],
    ['nothing but blank lines', '\n \n\n', []],
    ['nothing', '', []],
    ['indentation and trailing spaces', '\n\n    x = 1  \n\n', ['    x = 1  ']],
    ['a no-break space is a character', 'a\n\u00a0\nb', ['a\n\u00a0\nb']],
  ])('%s', async (name, content, expected) => {
    expect(await itemsOf(`plain/${name}.txt`, content)).toEqual(expected);
  });

  it('keeps bytes that are not UTF-8', async () => {
    const bytes = Uint8Array.from([0x61, 0xff, 0x00, 0x0a, 0x0a, 0xc3]);
    const text = await openText(file('latin.raw', bytes), texts);
    expect(text.items.map((item) => [...item])).toEqual([[0x61, 0xff, 0x00], [0xc3]]);
    expect(text.joined).toEqual(bytes);
  });

  it('gives a long paragraph as its lines', async () => {
    const lines = Array.from({ length: 100 }, (_, index) => `${index} ${'word '.repeat(30)}`);
    expect(await itemsOf('documents.utf8', lines.join('\n'))).toEqual(lines);
  });

  it('has the bytes of the file as joined text, and its sum', async () => {
    const content = 'a\r\n\r\n\r\nb \n';
    const text = await openText(file('whole.RAW', content), texts);
    expect(Buffer.from(text.joined!).toString()).toBe(content);
    expect(text).toMatchObject({
      name: 'whole.RAW',
      bytes: content.length,
      sha256: sha256(Buffer.from(content)),
      rows: null,
    });
  });

  it('refuses UTF-16', async () => {
    const failure = await failureOf(openText(file('utf16.txt', Buffer.from('\ufeffhello', 'utf16le')), texts));
    expect(failure).toMatchObject({ code: 'FILE_MALFORMED' });
    expect(failure.message).toContain('UTF-16');
  });
});

describe('records', () => {
  it('takes the text fields, without blank ones', async () => {
    const content = '\ufeff{"text":"one\\n\\ntwo","id":1}\r\n\n{"text":" "}\n{"text":"\\ud83d"}';
    expect(await itemsOf('records.jsonl', content)).toEqual(['one\n\ntwo', '\ufffd']);
  });

  it('joins them with a blank line', async () => {
    const text = await openText(file('joined.jsonl', '{"text":"a"}\n{"text":"b\\n"}\n{"text":"c"}'), texts);
    expect(Buffer.from(text.joined!).toString()).toBe('a\n\nb\n\n\nc');
  });

  it.each([
    ['not JSON', '{"text":"a"}\n\n{"text":', 'line 3'],
    ['no text', '{"text":"a"}\n{"txt":"b"}', 'line 2'],
    ['text of another type', '{"text":7}', 'line 1'],
    ['no object', '["text"]', 'line 1'],
    ['null', 'null', 'line 1'],
  ])('%s is malformed at its line', async (name, content, where) => {
    expect(await failureOf(openText(file(`bad/${name}.jsonl`, content), texts))).toMatchObject({
      code: 'FILE_MALFORMED',
      details: { where },
    });
  });

  it('other bytes than UTF-8 are malformed at their line', async () => {
    const failure = await failureOf(
      openText(file('bytes.jsonl', Buffer.from('{"text":"a"}\n{"text":"\xe9"}', 'latin1')), texts),
    );
    expect(failure).toMatchObject({ code: 'FILE_MALFORMED', details: { where: 'line 2' } });
  });
});

describe('rows of token ids', () => {
  it('are used as they are', async () => {
    const text = await openText(file('some.tokens.json', '{"input_ids": [[1, 2, 3], [0, 2147483647]]}'), texts);
    expect(text).toMatchObject({ name: 'some.tokens.json', items: [], joined: null });
    expect(text.rows).toEqual([Int32Array.of(1, 2, 3), Int32Array.of(0, 2147483647)]);
  });

  it.each([
    ['[[1]]', 'the file'],
    ['{"input_ids": 3}', 'the file'],
    ['{"input_ids": []}', 'input_ids'],
    ['{"input_ids": [[1], []]}', 'input_ids[1]'],
    ['{"input_ids": [1]}', 'input_ids[0]'],
    ['{"input_ids": [[1, -1]]}', 'input_ids[0][1]'],
    ['{"input_ids": [[1.5]]}', 'input_ids[0][0]'],
    ['{"input_ids": [[2147483648]]}', 'input_ids[0][0]'],
    ['{"input_ids": [["1"]]}', 'input_ids[0][0]'],
    ['{"input_ids": [[1]]', 'the file'],
  ])('%s is malformed', async (content, where) => {
    expect(await failureOf(openText(file('bad.tokens.json', content), texts))).toMatchObject({
      code: 'FILE_MALFORMED',
      details: { where },
    });
  });
});

describe('folders and names', () => {
  it('takes the text files of a folder by name', async () => {
    file('many/b.txt', 'b1\n\nb2\n');
    file('many/a.jsonl', '{"text":"a1"}\n');
    file('many/README.md', 'not a text');
    file('many/B.utf8', 'B');
    const text = await openText(path.join(folder, 'many'), texts);
    expect(decoded(text.items)).toEqual(['B', 'a1', 'b1', 'b2']);
    expect(text).toMatchObject({ name: 'many', bytes: 22, sha256: sha256(Buffer.from('B{"text":"a1"}\nb1\n\nb2\n')) });
    expect(Buffer.from(text.joined!).toString()).toBe('B\n\na1\n\nb1\n\nb2\n');
  });

  it('opens the built-in texts, and lists them', async () => {
    const calibration = await openText('calibration', texts);
    expect(calibration.items.length).toBeGreaterThan(300);
    const list = await listTexts(texts);
    expect(list.texts.map(({ name, purpose }) => [name, purpose])).toEqual([
      ['calibration', 'calibration'],
      ['evaluation', 'evaluation'],
    ]);
    expect(list.texts[0]).toMatchObject({ bytes: calibration.bytes, sha256: calibration.sha256 });
  });

  it('prefers the built-in text to a file of its name', async () => {
    const [builtIn, byPath] = await Promise.all([
      openText('evaluation', texts),
      openText(path.join(texts, 'evaluation'), '/nowhere'),
    ]);
    expect(byPath).toEqual(builtIn);
  });

  it('says which names there are', async () => {
    const failure = await failureOf(openText('calibratoin', texts));
    expect(failure).toMatchObject({ code: 'FILE_NOT_FOUND', details: { builtIn: ['calibration', 'evaluation'] } });
    expect(failure.message).toMatch(/"calibratoin".*calibration, evaluation/);
  });

  it('refuses other files, and folders without texts', async () => {
    expect(await failureOf(openText(file('model.gguf', 'GGUF'), texts))).toMatchObject({ code: 'USAGE' });
    expect(await failureOf(openText(file('rows.json', '{}'), texts))).toMatchObject({ code: 'USAGE' });
    file('other/notes.md', 'x');
    expect(await failureOf(openText(path.join(folder, 'other'), texts))).toMatchObject({ code: 'FILE_NOT_FOUND' });
  });
});
