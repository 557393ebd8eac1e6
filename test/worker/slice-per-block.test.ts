// The worker's per-block slice: every schedule of widths, what is left behind, what it says of sizes.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { precision } from '../../src-main/contract/recipe.ts';
import { workerApi } from '../../src-main/contract/worker-api.ts';
import type { WidthSchedule } from '../../src-main/contract/worker/slicing.ts';
import { slicedForward } from '../../src-main/core/slicing/per-block/sliced-forward.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { temporaryFolder } from '../llama-host/host.ts';
import { furthest, goldenModels, goldenTokens, mean, readFloat64, readJson } from '../support/golden-models.ts';
import { constantConfig, reopened } from '../support/per-block.ts';
import { decoderOf } from '../support/graph-runs.ts';
import { golden, ports } from '../support/slicing.ts';

const folder = temporaryFolder();
let made = 0;

describe.skipIf(!goldenModels)('slicePerBlock', () => {
  const windows = goldenModels ? goldenTokens('llama-tied') : [];
  type Params = z.input<typeof workerApi.methods.slicePerBlock.params>;
  const slice = async (schedule: WidthSchedule, more: Partial<Params> = {}) => {
    made += 1;
    const [output, checkpoints] = [path.join(folder, `${made}`), path.join(folder, `${made}-checkpoints`)];
    const params = workerApi.methods.slicePerBlock.params.parse({
      ...{ source: golden('llama-tied'), windows, schedule, output, checkpoints, type: 'F32', threads: 1 },
      ...{ tokenizerFrom: null, ...more },
    });
    const result = await handlers.slicePerBlock(params, ports);
    expect(readdirSync(checkpoints)).not.toContain('residual.0');
    expect(workerApi.methods.slicePerBlock.result.parse(result)).toEqual(result);
    const sliced = await reopened(output);
    const nll = mean((await slicedForward({ ...ports, decoder: sliced, windows })).nll);
    return { output, result, sliced, nll };
  };

  test('of constant width is the golden one, and says what it costs', async () => {
    const { result, sliced, nll } = await slice({ scheduler: 'constant', sparsity: 0.25, round: 8, sliceHead: false });
    const told = readJson<Record<string, number>>(path.join(golden('llama-tied'), 'correct.json'));
    expect(Math.abs(nll - told['nll_sliced']!)).toBeLessThan(1e-4);
    expect(result).toMatchObject({
      ...{ parametersBefore: told['params_dense'], parametersAfter: told['params_sliced'], untiedParameters: 512 * 64 },
      ...{ sparsity: 0.25, retained: null, hasTokenizer: false, widths: sliced.slicing },
    });
    expect(sliced.model.parameters).toBe(result.parametersAfter);
    expect(result.sites).toHaveLength(9);
  });

  test('says the precision, and the eigenvalues where they are asked for', async () => {
    const schedule = { scheduler: 'constant', sparsity: 0.25, round: 8, sliceHead: false } as const;
    const embedded = readFloat64(path.join(golden('llama-tied'), 'correct.safetensors'), 'eig').subarray(0, 64);
    const plain = (await slice(schedule)).result;
    expect(plain.precision).toBe('fp64');
    expect(plain.eigenvalues).toBeNull();
    const [least, most] = [
      { fp64: 0, fp32: 1e-9, 'fp32-sum64': 1e-10 },
      { fp64: 1e-13, fp32: 1e-5, 'fp32-sum64': 1e-6 },
    ];
    const orthogonality = { fp64: [0, 1e-12], fp32: [1e-8, 1e-4], 'fp32-sum64': [0, 1e-12] } as const;
    for (const kind of precision.options) {
      const { result, nll } = await slice(schedule, { precision: kind, eigenvalues: true });
      expect(result.precision).toBe(kind);
      expect(result.eigenvalues!.map(({ values }) => values.length)).toEqual(result.sites.map(() => 64));
      const { values, damping } = result.eigenvalues![0]!;
      const undamped = values.map((value) => value - damping);
      const error = furthest(undamped, embedded) / embedded[0]!;
      expect(error).toBeGreaterThan(least[kind]);
      expect(error).toBeLessThan(most[kind]);
      for (const site of result.sites) {
        expect(site.orthogonality).toBeGreaterThan(orthogonality[kind][0]);
        expect(site.orthogonality).toBeLessThan(orthogonality[kind][1]);
      }
      if (kind === 'fp64') expect(result.sha256).toBe(plain.sha256);
      else expect(result.sha256).not.toBe(plain.sha256);
      const told = readJson<Record<string, number>>(path.join(golden('llama-tied'), 'correct.json'));
      expect(Math.abs(nll - told['nll_sliced']!)).toBeLessThan(1e-3);
    }
  });

  test('by variance keeps the same share everywhere', async () => {
    const { result, sliced } = await slice({ scheduler: 'variance', sparsity: 0.25, round: 4, sliceHead: true });
    expect(result.sparsity).toBeGreaterThanOrEqual(0.25);
    expect(new Set(sliced.widths).size).toBeGreaterThan(1);
    // What the cut stream loses is nearly what the dense one would.
    for (const { energyLost, width } of result.sites) {
      if (width < 64) expect(energyLost).toBeLessThan(2 * (1 - result.retained!));
    }
  });

  test('of explicit widths has them', async () => {
    const widths = constantConfig(await decoderOf(golden('llama-tied')), 40, true);
    const { result } = await slice({ scheduler: 'explicit', widths });
    expect(result).toMatchObject({ widths, sparsity: 1 - 40 / 64, retained: null });
  });

  test('of an impossible width leaves nothing', async () => {
    const schedule = { scheduler: 'constant', sparsity: 0.95, round: 8, sliceHead: false } as const;
    await expect(slice(schedule)).rejects.toMatchObject({ code: 'USAGE' });
    expect(existsSync(path.join(folder, `${made}`))).toBe(false);
    expect(readdirSync(path.join(folder, `${made}-checkpoints`))).toEqual([]);
  });

  test('is compared with its dense model, and asked for log-probabilities', async () => {
    const told = readJson<Record<string, number>>(path.join(golden('llama-tied'), 'correct.json'));
    const { output } = await slice({ scheduler: 'constant', sparsity: 0.25, round: 8, sliceHead: false });
    const { output: full } = await slice({ scheduler: 'constant', sparsity: 0, round: 8, sliceHead: false });
    const scratch = path.join(folder, 'compared');
    const compared = async (candidate: string) => {
      const params = {
        reference: golden('llama-tied'),
        candidate,
        windows,
        scratch,
        threads: 1,
        provider: 'cpu',
      } as const;
      return (await handlers.compareBlocks(params, ports)).windows;
    };
    const all = (lists: (Float32Array | null)[]): number => mean(lists.flatMap((list) => [...list!]));
    const found = await compared(output);
    expect(Math.abs(all(found.map((window) => window.candidateNll)) - told['nll_sliced']!)).toBeLessThan(1e-4);
    expect(Math.abs(all(found.map((window) => window.referenceNll)) - told['nll_dense']!)).toBeLessThan(1e-5);
    expect(all(found.map((window) => window.kld))).toBeGreaterThan(0.1);
    expect(Math.abs(all((await compared(full)).map((window) => window.kld)))).toBeLessThan(1e-6);

    // The probability of a window's next token is what the comparison saw.
    const [window, position] = [windows[0]!, 20];
    const params = { model: output, tokens: window, positions: [position], threads: 1 };
    const { logProbs } = await handlers.blockLogProbs({ ...params, provider: 'cpu' }, ports);
    expect(logProbs[window[position + 1]!]).toBeCloseTo(-found[0]!.candidateNll[position]!, 4);
  });
});
