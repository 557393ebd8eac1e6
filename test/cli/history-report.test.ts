// One run and several side by side, as text: what figures were measured with stands once above them.
import { describe, expect, it } from 'vitest';
import { styleFor } from '../../src-main/cli/report/style.ts';
import { describeComparison, describeDetail } from '../../src-main/cli/report/history.ts';
import type { Comparison, ExperimentDetail } from '../../src-main/contract/history.ts';

const canvas = { style: styleFor({ write: () => true }, {}), width: null };
const context = 'llama.cpp, as-run, evaluation, 8 x 2048 tokens';

const run: ExperimentDetail = {
  ...{ run: 'a', verb: 'fit', model: '/m.gguf', method: null, recipeHash: '', state: 'done', recipe: {} },
  ...{ created: '2026-01-02T03:04:05Z', started: null, finished: null, seconds: 60, device: 'cpu', metrics: {} },
  ...{ standardErrors: {}, memory: null, tags: [], note: '', artifacts: [], seed: null, clonedFrom: null },
  ...{ versions: {}, installs: [], error: null, stages: [], texts: [], modelHash: null, result: null },
  allMetrics: [
    { name: 'kld', value: 0.0213, standardError: 0.002, context },
    { name: 'peakMemoryBytes', value: 2 ** 30, standardError: null, context: '' },
    { name: 'perplexity', value: 5.25, standardError: 0.1, context },
    { name: 'proofKld', value: 0.0001, standardError: null, context: 'b1, against source' },
  ],
} as unknown as ExperimentDetail;

describe('what figures were measured with', () => {
  it('stands once above those of a run, what is counted comes first', () => {
    const lines = describeDetail(run, canvas);
    const from = lines.findIndex((line) => line.startsWith('figure'));
    expect(lines.slice(from, from + 7).map((line) => line.replaceAll(/ +/g, ' '))).toEqual([
      'figure value',
      'peakMemoryBytes 1.00 GiB',
      `measured on ${context}`,
      'kld 0.0213 ± 0.0020',
      'perplexity 5.25 ± 0.10',
      'measured on b1, against source',
      'proofKld 0.00010000',
    ]);
  });

  it('stands once above those of several runs', () => {
    const value = { value: 0.02, standardError: 0.002 };
    const compared: Comparison = {
      ...{ runs: [run, { ...run, run: 'b' }], differences: [] },
      metrics: ['kld', 'kldP99'].map((name) => ({ name, context, values: [value, null] })),
    };
    const lines = describeComparison(compared, canvas).map((line) => line.replaceAll(/ +/g, ' '));
    expect(lines.slice(2)).toEqual([
      'figure a b',
      `measured on ${context}`,
      'kld 0.0200 ± 0.0020 –',
      'kldP99 0.0200 ± 0.0020 –',
    ]);
  });
});
