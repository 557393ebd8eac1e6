// @vitest-environment node
// What figures were measured with: it stands once above them, in words, and not as the engine keeps it.
import { afterEach, describe, expect, it } from 'vitest';
import { byContext, contextInWords } from '../../src-renderer/features/history/context-words.ts';
import { recordOf } from '../../src-main/engine/catalog/result-record.ts';
import { speak } from '../../src-renderer/words/words.ts';
import { madeModel, proof, quality } from './results.ts';

const figure = (name: string, context: string) => ({ name, value: 1, standardError: 0.1, context });

describe('figures', () => {
  it('of one measurement stand together, what is counted comes last', () => {
    const context = 'llama.cpp, as-run, evaluation, 8 x 512 tokens';
    const proved = 'v0.4.0, against own forward';
    const [kld, bytes, proofKld, perplexity] = [
      figure('kld', context),
      figure('peakMemoryBytes', ''),
      figure('proofKld', proved),
      figure('perplexity', context),
    ];
    expect(byContext([kld, bytes, proofKld, perplexity])).toEqual([
      { context, members: [kld, perplexity] },
      { context: proved, members: [proofKld] },
      { context: '', members: [bytes] },
    ]);
    expect(byContext([])).toEqual([]);
  });
});

describe('a context', () => {
  afterEach(() => speak('en'));

  it('of the engine is said in words, in both languages', () => {
    const value = { ...madeModel, quality, proof, method: 'quantize', widths: null } as const;
    const more = { resumedAtTensor: null, unseenExperts: 0, calibration: null };
    const { metrics } = recordOf({ verb: 'quantize', value: { ...value, ...more } });
    const say = (): string[] => byContext(metrics).map(({ context }) => context && contextInWords(context));
    expect(say()).toEqual([
      'Measured on 8 × 512 tokens of “evaluation” with Snug’s own graphs, weights only',
      'Proved by llama.cpp b1, against Snug’s own arithmetic',
      '',
    ]);
    speak('de');
    expect(say()).toEqual([
      'Gemessen auf 8 × 512 Token von „evaluation“ mit Snugs eigenen Graphen, nur die Gewichte',
      'Bewiesen von llama.cpp b1, gegen Snugs eigene Rechnung',
      '',
    ]);
  });

  it.each([
    ['quiz, 1200 questions, llama.cpp', '1,200 questions of “quiz”, answered with llama.cpp'],
    ['sparsity 0.25, row 3', 'Cut more or less: 0.25, row 3'],
    ['pca-precision fp32, row 1', 'Precision: 32 bits, row 1'],
    ['as a newer Snug says it', 'Measured: as a newer Snug says it'],
  ])('%s is said as %s', (context, text) => expect(contextInWords(context)).toBe(text));
});
