// @vitest-environment node
// Figures of a run: what they were measured with stands once above them.
import { expect, it } from 'vitest';
import { figureGroups } from '../../src-renderer/features/history/figure-groups.ts';

const figure = (name: string, context: string) => ({ name, value: 1, standardError: 0.1, context });

it('of one measurement stand together, what is counted comes last', () => {
  const context = 'llama.cpp, as-run, evaluation, 8 x 512 tokens';
  const proof = 'v0.4.0, against own forward';
  const [kld, bytes, proofKld, perplexity] = [
    figure('kld', context),
    figure('peakMemoryBytes', ''),
    figure('proofKld', proof),
    figure('perplexity', context),
  ];
  expect(figureGroups([kld, bytes, proofKld, perplexity])).toEqual([
    { context, metrics: [kld, perplexity] },
    { context: proof, metrics: [proofKld] },
    { context: '', metrics: [bytes] },
  ]);
  expect(figureGroups([])).toEqual([]);
});
