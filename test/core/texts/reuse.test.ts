import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AppError } from '../../../src-main/contract/errors.ts';
import { openText, type OpenedText } from '../../../src-main/core/texts/open-text.ts';
import { refuseReuse } from '../../../src-main/core/texts/reuse.ts';
import { referenceTexts, resources } from '../../support/paths.ts';
import { temporaryFolder } from '../formats/temporary-folder.ts';
import { rowsText } from './fake-tokenizer.ts';

const texts = path.join(resources, 'texts');
const folder = temporaryFolder();

const paragraph = (index: number): string =>
  `Paragraph ${index} tells a story of its own, über ${index * index} boats, and takes its time to end.`;
const story = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => paragraph(first + index));

async function text(name: string, content: string): Promise<OpenedText> {
  writeFileSync(path.join(folder, name), content);
  return openText(path.join(folder, name), texts);
}

function refusal(evaluation: OpenedText, ...calibrations: OpenedText[]): AppError | null {
  try {
    refuseReuse(evaluation, calibrations, false);
    return null;
  } catch (error) {
    return error as AppError;
  }
}

describe('refuseReuse', () => {
  it('refuses the same text and says how to allow it', async () => {
    const both = await text('both.txt', 'short');
    const error = refusal(both, both);
    expect(error).toMatchObject({ code: 'TEXT_REUSED' });
    expect(error!.message).toContain('--allow-same-text');
    expect(() => refuseReuse(both, [both], true)).not.toThrow();
  });

  it('finds the paragraphs with other line ends, order and format', async () => {
    const evaluation = await text('evaluation.txt', story(0, 20).join('\n\n'));
    const records = story(10, 40)
      .reverse()
      .map((item) => JSON.stringify({ text: `Before it. ${item.replaceAll(' boats, ', '\r\nboats,  ')}` }));
    const error = refusal(evaluation, await text('calibration.jsonl', records.join('\n')));
    expect(error).toMatchObject({
      code: 'TEXT_REUSED',
      details: { text: 'evaluation.txt', calibration: 'calibration.jsonl', shared: 10, of: 20 },
    });
  });

  it('allows one paragraph in twenty, not two', async () => {
    const evaluation = await text('twenty.txt', story(0, 20).join('\n\n'));
    expect(refusal(evaluation, await text('one.txt', story(19, 30).join('\n\n')))).toBeNull();
    expect(refusal(evaluation, await text('two.txt', story(18, 30).join('\n\n')))).toMatchObject({
      details: { shared: 2, of: 20 },
    });
  });

  it('looks at every calibration text and not at short paragraphs', async () => {
    const evaluation = await text('mixed.txt', ['Chapter 1', 'The end.', ...story(0, 3)].join('\n\n'));
    const headings = await text('headings.txt', 'Chapter 1\n\nThe end.\n\n');
    expect(refusal(evaluation, headings)).toBeNull();
    expect(refusal(evaluation, headings, await text('second.txt', story(2, 1).join()))).toMatchObject({
      details: { calibration: 'second.txt' },
    });
  });

  it('compares rows of token ids with rows', async () => {
    const rows = {
      ...rowsText([
        [1, 2, 3],
        [4, 5, 6],
      ]),
      sha256: 'other',
    };
    expect(
      refusal(
        rows,
        rowsText([
          [7, 8],
          [4, 5, 6],
        ]),
      ),
    ).toMatchObject({ code: 'TEXT_REUSED', details: { shared: 1, of: 2 } });
    expect(refusal(rows, rowsText([[4, 5, 6, 7]]))).toBeNull();
    expect(refusal(rows, await text('words.txt', story(0, 3).join('\n\n')))).toBeNull();
    expect(refusal(await text('words2.txt', story(0, 3).join('\n\n')), rows)).toBeNull();
  });

  it('passes the bundled texts', async () => {
    expect(refusal(await openText('evaluation', texts), await openText('calibration', texts))).toBeNull();
    expect(
      refusal(await openText(path.join(texts, 'calibration/letters.txt'), texts), await openText('calibration', texts)),
    ).toMatchObject({ code: 'TEXT_REUSED' });
  });

  it.skipIf(referenceTexts === null)('passes WikiText-2 after other texts, in reasonable time', async () => {
    const [wikiText, calibration] = await Promise.all([
      openText(path.join(referenceTexts!, 'eval/wiki.test.raw'), texts),
      openText(path.join(referenceTexts!, 'calibration'), texts),
    ]);
    const started = performance.now();
    expect(refusal(wikiText, calibration)).toBeNull();
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
