// Plans as text, word for word, in colour and in any width.
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Plan } from '../../src-main/contract/plan.ts';
import { plans, results } from './fake-results.ts';
import { snug, text, withResult } from './run.ts';

describe('plans as text', () => {
  it('plan', async () => {
    expect(await text('plan m.gguf --memory 24GiB')).toMatchInlineSnapshot(`
      "Fits, with 3.1 GiB to spare.
      For 24.0 GiB of memory with 8,192 tokens of context, KV cache q8_0, 1.00 GiB left free.

         plan    what it does               file     needs  memory                 loss (KLD)  verdict
      ▸  q4-k-m  Q4_K_M with importance  18.7 GB  20.9 GiB  ███████████████▓▒···│     ≈0.0213  fits
         q8-0    Q8_0 with importance    34.8 GB  35.9 GiB  █████████████│█████▓░     ≈0.0012  over by 11.9 GiB

      plan        q4-k-m: Q4_K_M with importance
      memory      █████████████████████████████▓▓▓▒░░·····│ 20.9 GiB of 24.0 GiB, llama.cpp's own figures
                  █ weights 17.4 GiB · ▓ KV cache 2.00 GiB · ▒ buffers 512.0 MiB · ░ reserve 1.00 GiB
      note        2 tensors keep Q8_0: their rows are no multiple of 256
      file        18.7 GB
      loss (KLD)  ≈0.0213 (0.0106 to 0.0426), perplexity ×≈1.0213; predicted from measurements of this model
      to make it  ≈7 min, peak memory ≈3.00 GiB, 18.7 GB of disk

      Make it: snug fit MODEL with the same options and --output FILE.gguf (--plan ID for another plan)
      "
    `);
  });

  it('plan for a file has no memory bar', async () => {
    const { stdout } = await withResult('plan m.gguf --file-size 20GB', {
      verb: 'plan',
      value: { ...results.plan.value, target: { kind: 'file', bytes: 20e9 } },
    });
    expect(stdout).toContain('For a file of at most 20.0 GB.');
    expect(stdout).toContain('over by 14.8 GB');
    expect(stdout).not.toContain('█');
  });

  it('plan shows the best slice, which a better plan beats, and says why there are none', async () => {
    const step = { method: 'slice', kind: 'shared', width: 3072, hiddenSize: 4096, sparsity: 0.25 } as const;
    const slices = ['slice-3072', 'slice-2816'].map((id): Plan => {
      return { ...plans[1]!, id, summary: id, steps: [{ ...step, orientation: 'pca' }] };
    });
    const shown = async (value: Partial<typeof results.plan.value>): Promise<string> =>
      (
        await withResult('plan m.gguf --memory 24GiB', {
          verb: 'plan',
          value: { ...results.plan.value, ...value },
        })
      ).stdout;
    const listed = await shown({ plans: [...plans, ...slices] });
    expect(listed).toContain('slice-3072');
    expect(listed).not.toContain('slice-2816');
    const refused = await shown({ sliceRefusal: 'It has no graphs.' } as never);
    expect(refused).toContain('No slices among the plans: It has no graphs.');
  });

  it('plan leaves out what a better plan beats in size and loss, but never the best', async () => {
    const [best, over] = plans as [Plan, Plan];
    const beaten = { ...best, id: 'beaten', predicted: { ...best.predicted, kld: 0.03 } };
    const smaller = { ...beaten, id: 'smaller', fileBytes: best.fileBytes - 1 };
    const value = { ...results.plan.value, plans: [best, beaten, smaller, over] };
    const { stdout } = await withResult('plan m.gguf --memory 24GiB', { verb: 'plan', value });
    expect(stdout).toContain('smaller');
    expect(stdout).not.toContain('beaten');
    expect(stdout).toContain('1 more plan with --json');
  });
});

describe('colour and width', () => {
  const line = 'plan m.gguf --memory 24GiB';

  it('uses colours on a terminal only, and not with NO_COLOR', async () => {
    const coloured = (await snug(line, { terminal: 200 })).stdout;
    expect(coloured).toContain('\x1b[32m');
    expect((await snug(line, { terminal: 200, environment: { NO_COLOR: '1' } })).stdout).toBe(
      stripVTControlCharacters(coloured),
    );
    expect((await snug(line, { terminal: 200, environment: { TERM: 'dumb' } })).stdout).toBe(
      stripVTControlCharacters(coloured),
    );
    expect(await text(line)).toBe(stripVTControlCharacters(coloured));
  });

  it('cuts the wordy column of a table to the width of the terminal', async () => {
    const rows = (await snug(line, { terminal: 96 })).stdout.split('\n').map(stripVTControlCharacters);
    expect(rows.find((row) => row.includes('▸'))).toContain('Q4_K_M with …');
  });
});
