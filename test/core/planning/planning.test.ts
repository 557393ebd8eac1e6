import { describe, expect, it } from 'vitest';
import type { Target } from '../../../src-main/contract/target.ts';
import { candidateOf, fallbackNote, mixQuestions, withoutTwins } from '../../../src-main/core/planning/candidates.ts';
import { serverCommand } from '../../../src-main/core/planning/command.ts';
import { expertBytes, layerBytes, memoryOf, moved } from '../../../src-main/core/planning/memory.ts';
import { predictLoss } from '../../../src-main/core/planning/prior.ts';
import { distinctFiles, ranked, score } from '../../../src-main/core/planning/rank.ts';
import { sliceStep } from '../../../src-main/core/planning/slices.ts';
import { verdictOf } from '../../../src-main/core/planning/verdict.ts';
import { planFor } from '../../support/plans.ts';

const GiB = 2 ** 30;
const rank = { context: 8192, layers: 32, by: 'memory' as const };
const memoryTarget: Target = { kind: 'memory', bytes: 24 * GiB, context: 8192, kvType: 'f16', reserveBytes: GiB };

const tensor = (name: string, shape: number[], bytes = 100, type = 'F16') => ({
  name,
  shape,
  type,
  bytes,
  shard: 0,
  offset: 0,
});

describe('ranking', () => {
  it('puts what fits first, then the least loss, then the smallest file', () => {
    const plans = [
      planFor('big', { fits: false, kld: 0 }),
      planFor('poor', { kld: 0.5 }),
      planFor('good', { kld: 0.01, fileBytes: 900 }),
      planFor('same', { kld: 0.01, fileBytes: 800 }),
    ];
    expect(ranked(plans, rank).map(({ id }) => id)).toEqual(['same', 'good', 'poor', 'big']);
  });

  it('prefers a small loss to layers on the CPU and a shorter context', () => {
    const cpu = planFor('cpu', { kld: 0.001, steps: [{ method: 'cpu-layers', layers: 16, gpuLayers: 17, flag: '' }] });
    const short = planFor('short', { kld: 0.001, steps: [{ method: 'context', tokens: 4096 }] });
    expect(ranked([cpu, short, planFor('q5', { kld: 0.02 })], rank)[0]!.id).toBe('q5');
  });

  it('counts only the settings once the loss is measured', () => {
    expect(score(planFor('a', { kld: 0.3 }), rank, 0.02)).toBe(0.02);
  });

  it('offers each file once', () => {
    const kv = { method: 'kv-cache' as const, type: 'q8_0' as const };
    const twin = planFor('a', { steps: [...planFor('a').steps, kv] });
    expect(
      distinctFiles([planFor('a'), twin, planFor('b'), planFor('c', { fits: false })], 3).map(({ id }) => id),
    ).toEqual(['a', 'b']);
  });
});

describe('verdict', () => {
  it('says that the source fits as it is', () => {
    expect(verdictOf([planFor('source', { totalBytes: 20 * GiB })], memoryTarget)).toBe(
      'Fits as it is, with 4.00 GiB to spare.',
    );
  });

  it('says what to change when nothing fits', () => {
    const verdict = verdictOf(
      [planFor('a', { fits: false, totalBytes: 30 * GiB }), planFor('b', { fits: false, totalBytes: 26 * GiB })],
      memoryTarget,
    );
    expect(verdict).toContain('the smallest plan of use (b) needs 26.0 GiB, 2.00 GiB too much');
    expect(verdict).toContain('shorter context than 8192');
  });

  it('does not claim that a plan fits which was made in spite of its size', () => {
    const chosen = planFor('a', { fits: false, totalBytes: 30 * GiB });
    const step = sliceStep(512, 576, { isQuantized: true, wished: null });
    const slice = planFor('slice-512', { steps: [step], totalBytes: 30 * GiB, fits: false });
    expect(verdictOf([slice], memoryTarget)).toMatch(
      /the smallest slice \(slice-512\) needs 30\.0 GiB, .* too much\. Allow other plans \(--methods any\)\.$/,
    );
    expect(verdictOf([planFor('b'), chosen], memoryTarget, chosen)).toBe('A does not fit: 6.00 GiB too much.');
  });
});

describe('memory', () => {
  const part = (kind: 'cpu' | 'gpu', modelBytes: number) => ({
    bufferType: kind,
    device: kind,
    kind,
    modelBytes,
    contextBytes: 10,
    computeBytes: 5,
  });

  it('counts everything where there is no GPU, and only the GPU where there is one', () => {
    expect(memoryOf([part('cpu', 100)], 7)).toMatchObject({
      weightsBytes: 100,
      kvBytes: 10,
      buffersBytes: 5,
      totalBytes: 122,
      systemBytes: 0,
    });
    expect(memoryOf([part('cpu', 30), part('gpu', 70)], 7)).toMatchObject({
      weightsBytes: 70,
      totalBytes: 92,
      systemBytes: 45,
    });
  });

  it('moves bytes to system memory without losing any', () => {
    const memory = memoryOf([part('cpu', 100)], 7);
    const split = moved(memory, 40, 4);
    expect(split.totalBytes + split.systemBytes).toBe(memory.totalBytes);
    expect(split.basis).toBe('formula');
  });

  it('knows which tensors are experts', () => {
    const tensors = [
      tensor('blk.0.attn_q.weight', [4, 4], 10),
      tensor('blk.0.ffn_up_exps.weight', [4, 4, 8], 80),
      tensor('blk.1.ffn_gate_inp.weight', [4, 8], 5),
      tensor('output.weight', [4, 9], 50),
    ];
    expect(expertBytes(tensors, 2)).toEqual([80, 0]);
    expect(layerBytes(tensors, 2)).toEqual([90, 5]);
  });
});

describe('prior', () => {
  it('grows as bits fall, and is zero for floats', () => {
    const loss = (type: string) => predictLoss([{ type, elements: 10 }], 1e8).kld;
    expect(loss('F16')).toBe(0);
    const order = ['Q8_0', 'Q6_K', 'Q5_K', 'Q4_K', 'Q3_K', 'Q2_K', 'IQ1_S'].map(loss);
    expect([...order].sort((a, b) => a - b)).toEqual(order);
  });

  it('has an interval around it and falls with size', () => {
    const small = predictLoss([{ type: 'Q4_K', elements: 1 }], 1e8);
    const large = predictLoss([{ type: 'Q4_K', elements: 1 }], 7e10);
    expect(small.kldLow).toBeLessThan(small.kld);
    expect(small.kldHigh).toBeGreaterThan(small.kld);
    expect(large.kld).toBeLessThan(small.kld);
  });
});

describe('candidates', () => {
  it('asks for every mix and for single types on all tensors', () => {
    const names = mixQuestions(true).map(({ name, pure }) => `${name}${pure ? ' pure' : ''}`);
    expect(names).toEqual(expect.arrayContaining(['Q4_K_M', 'IQ2_XS', 'MXFP4_MOE', 'Q4_0 pure', 'Q5_1 pure']));
    expect(new Set(names).size).toBe(names.length);
  });

  it('keeps one of several that come to the same file', () => {
    const types = { 'a.weight': 'Q8_0' };
    const twins = [
      { name: 'Q8_0', pure: false, importance: true },
      { name: 'Q8_0', pure: true, importance: true },
    ].map((question) => candidateOf(question, types)!);
    expect(withoutTwins(twins)).toHaveLength(1);
  });

  it('sees the tensors that fall back because their rows are no multiple of 256', () => {
    const tensors = [tensor('a.weight', [576, 8]), tensor('b.weight', [1536, 8]), tensor('norm.weight', [576])];
    const candidate = candidateOf(
      { name: 'Q4_K_M', pure: false, importance: true },
      { 'a.weight': 'Q5_0', 'b.weight': 'Q4_K', 'norm.weight': 'F16' },
    )!;
    expect(fallbackNote(candidate, tensors)).toBe(
      '1 of 2 matrices have rows that are no multiple of 256, so llama.cpp gives them Q5_0 instead.',
    );
  });
});

describe('command line for the runner', () => {
  it('carries context, cache type and layers', () => {
    const plan = planFor('a', {
      steps: [
        { method: 'kv-cache', type: 'q8_0' },
        { method: 'cpu-experts', layers: 4, flag: '--n-cpu-moe 4' },
      ],
    });
    expect(serverCommand(plan, memoryTarget, '/m/out.gguf')).toBe(
      'llama-server --model "/m/out.gguf" --ctx-size 8192 --n-gpu-layers 999 --n-cpu-moe 4 --flash-attn on --cache-type-k q8_0 --cache-type-v q8_0',
    );
  });
});
