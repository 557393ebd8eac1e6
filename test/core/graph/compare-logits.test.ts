// Figures of tokens from logits: against a naive computation, and against the comparison that never has logits.
import { expect, test } from 'vitest';
import { compareLogits } from '../../../src-main/core/graph/compare-logits.ts';
import type { LogitSource } from '../../../src-main/core/graph/compare-logits.ts';
import { openBlockLogits } from '../../../src-main/core/graph/block-logits.ts';
import { compareModels } from '../../../src-main/core/graph/compare-models.ts';
import { seededRandom } from '../../../src-main/core/texts/seeded-random.ts';
import { furthest, goldenModels, goldenTokens } from '../../support/golden-models.ts';
import { decoderOf } from '../../support/graph-runs.ts';
import { golden, ports } from '../../support/slicing.ts';
import { temporaryFolder } from '../../llama-host/host.ts';
import { failureOf } from '../formats/temporary-folder.ts';

const { signal } = new AbortController();
const vocabSize = 7;
const windows = [Int32Array.of(1, 6, 3, 0, 2), Int32Array.of(5, 5)];

/** Logits of `seed`, and what was read of them. */
function sourceOf(seed: number): LogitSource & { all: Float32Array[]; reads: number[][] } {
  const random = seededRandom(seed);
  const all = windows.map(({ length }) => Float32Array.from({ length: length * vocabSize }, () => 20 * random() - 10));
  const reads: number[][] = [];
  return {
    ...{ vocabSize, all, reads },
    async read(window, first, count) {
      reads.push([window, first, count]);
      return all[window]!.slice(first * vocabSize, (first + count) * vocabSize);
    },
  };
}

function naive(candidate: Float32Array, reference: Float32Array, target: number) {
  const shares = (logits: Float32Array): number[] => {
    const powers = Array.from(logits, Math.exp);
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  };
  const [q, p] = [shares(candidate), shares(reference)];
  return {
    nll: [-Math.log(q[target]!), -Math.log(p[target]!)],
    kld: p.reduce((sum, share, token) => sum + share * Math.log(share / q[token]!), 0),
    same: Number(q.indexOf(Math.max(...q)) === p.indexOf(Math.max(...p))),
  };
}

test('is what a naive computation gives, whatever the pieces', async () => {
  const [candidate, reference] = [sourceOf(1), sourceOf(2)];
  const found = await compareLogits({ candidate, reference, windows, signal });
  for (const [index, window] of windows.entries()) {
    for (let row = 0; row + 1 < window.length; row += 1) {
      const rowOf = ({ all }: typeof candidate): Float32Array =>
        all[index]!.subarray(row * vocabSize, (row + 1) * vocabSize);
      const { nll, kld, same } = naive(rowOf(candidate), rowOf(reference), window[row + 1]!);
      const { candidateNll, referenceNll, kld: klds, sameTop } = found[index]!;
      expect(candidateNll[row]).toBeCloseTo(nll[0]!, 5);
      expect(referenceNll![row]).toBeCloseTo(nll[1]!, 5);
      expect(klds![row]).toBeCloseTo(kld, 5);
      expect(sameTop![row]).toBe(same);
    }
  }
  expect(candidate.reads).toEqual([
    [0, 0, 4],
    [1, 0, 1],
  ]);
  const pieces = sourceOf(1);
  const piecewise = { candidate: pieces, reference: sourceOf(2), windows, signal, mostLogits: 3 * vocabSize };
  expect(await compareLogits(piecewise)).toEqual(found);
  expect(pieces.reads).toEqual([
    [0, 0, 3],
    [0, 3, 1],
    [1, 0, 1],
  ]);
  const alone = await compareLogits({ candidate: sourceOf(1), reference: null, windows, signal });
  expect(alone.map(({ candidateNll }) => candidateNll)).toEqual(found.map(({ candidateNll }) => candidateNll));
  expect(alone[0]).toMatchObject({ referenceNll: null, kld: null, sameTop: null });
  const short = { candidate, reference, windows: [Int32Array.of(1)], signal };
  expect((await failureOf(compareLogits(short))).code).toBe('USAGE');
});

test('two models of one distribution have no divergence; NaN stays NaN', async () => {
  const same = await compareLogits({ candidate: sourceOf(3), reference: sourceOf(3), windows, signal });
  for (const { kld, sameTop } of same) {
    expect(Math.max(...kld!)).toBe(0);
    expect(Math.min(...sameTop!)).toBe(1);
  }
  const broken = sourceOf(3);
  broken.all[0]![2] = Number.NaN;
  const [first] = await compareLogits({ candidate: broken, reference: null, windows, signal });
  expect(first!.candidateNll[0]).toBeNaN();
});

test.skipIf(!goldenModels)(
  'of our own graphs it is the comparison without logits, for windows of several lengths',
  async () => {
    const [candidate, reference] = [await decoderOf(golden('qwen2')), await decoderOf(golden('llama-gqa'))];
    const texts = goldenTokens('llama-gqa').map((window, index) => window.subarray(0, window.length - 5 * index));
    const scratch = temporaryFolder();
    const expected = await compareModels({ ...ports, candidate, reference, windows: texts, scratch });
    const logits = async (model: typeof candidate, name: string) =>
      openBlockLogits(model, { ...ports, windows: texts, scratch, name });
    const [own, other] = [await logits(candidate, 'a'), await logits(reference, 'b')];
    const mostLogits = 10 * own.vocabSize;
    const found = await compareLogits({ candidate: own, reference: other, windows: texts, signal, mostLogits });
    await own.close();
    await other.close();
    for (const [index, { candidateNll, referenceNll, kld, sameTop }] of expected.entries()) {
      expect(furthest(found[index]!.candidateNll, candidateNll)).toBeLessThan(2e-5);
      expect(furthest(found[index]!.referenceNll!, referenceNll!)).toBeLessThan(2e-5);
      expect(furthest(found[index]!.kld!, kld!)).toBeLessThan(5e-5);
      expect(found[index]!.sameTop).toEqual(sameTop);
    }
  },
);
