// snug study: its recipe from options, and the tables of the kinds.
import { describe, expect, it } from 'vitest';
import type { StudyKind } from '../../src-main/contract/recipe.ts';
import { studies } from './fake-studies.ts';
import { snug } from './run.ts';

async function tableOf(kind: StudyKind): Promise<string> {
  const result = { verb: 'study' as const, value: studies[kind] };
  const { stdout } = await snug(['study', kind, 'm.gguf'], {
    script: { events: () => [{ type: 'started' }, { type: 'finished', result }] },
  });
  return stdout;
}

describe('the recipe', () => {
  it('has the defaults of the kind', async () => {
    const { recipes } = await snug('study speed m.gguf');
    expect(recipes).toMatchObject([
      {
        ...{ verb: 'study', kind: 'speed', model: '/here/m.gguf', values: null, types: null, method: null },
        ...{ sparsity: null, width: null, precision: 'fp64', type: 'F16', output: null, force: false, again: false },
        ...{ calibration: { samples: 128 }, evaluation: { windows: 8 } },
      },
    ]);
  });

  it('has what was said', async () => {
    const line =
      'study combination m.gguf --values 0,0.1 --types F16,Q4_0 --round 64 --output rows.csv --force --again --windows 2 --samples 4';
    const { recipes } = await snug(line);
    expect(recipes).toMatchObject([
      {
        ...{ kind: 'combination', values: ['0', '0.1'], types: ['F16', 'Q4_0'], round: 64, output: '/here/rows.csv' },
        ...{ force: true, again: true, calibration: { samples: 4 }, evaluation: { windows: 2 } },
      },
    ]);
  });
});

it('tells of a study that was cancelled that its rows are kept', async () => {
  const { stderr, exitCode } = await snug('study speed m.gguf', {
    script: { events: () => [{ type: 'started' }, { type: 'cancelled' }] },
  });
  expect(stderr).toContain('Finished rows are kept');
  expect(exitCode).toBe(130);
});

describe('as text', () => {
  it('speed', async () => {
    expect(await tableOf('speed')).toMatchInlineSnapshot(`
      "What cutting gives in speed, sliced block by block.

      texts   model  device  prompt tokens/s  of dense  new tokens/s  of dense  spread  loss (KLD)   parameters  took
      4       dense     cpu           14,486     ×1.00         132.7     ×1.00    ±1 %      0.0000  134,515,008  61 s
      4      sliced     cpu           17,110     ×1.18         141.1     ×1.06    ±4 %      0.8510  150,000,000  61 s

      dense        perplexity 27.04 ± 0.90, 134,515,008 parameters, 270.0 MB
      measured on  evaluation, 8 windows of 512 tokens, by Snug's own graphs
      calibration  128 samples, 65,536 tokens
      in common    All rows saw the same calibration samples, which were tokenized once.
      not 0.001    Nothing would be cut.
      kept         1 row of an earlier run; --again makes them again
      device       CPU
      took         2 min, peak memory 1.00 GiB
      Careful: 1 sliced row has no fewer parameters than the dense model: shortcut matrices, or an output layer of its own, take what slicing saves.
      Careful: the speeds are of this machine and onnxruntime, for 128 prompt and 32 new tokens per text: medians of three rounds, of which one was off by the spread at most. Other runners and devices differ.
      Careful: only 1,000 tokens of calibration
      "
    `);
  });
  it('combination', async () => {
    expect(await tableOf('combination')).toMatchInlineSnapshot(`
      "Slicing and quantising together, sliced by one shared rotation.

      cut     width  type      size  front  perplexity     loss (KLD)  same word   parameters  took
      20.8 %    512  Q4_0   83.0 MB      *  65.6 ± 1.5  0.851 ± 0.074     55.7 %  120,000,000  61 s
      0.0 %     576  Q8_0  143.0 MB         65.6 ± 1.5  0.851 ± 0.074     55.7 %  150,000,000  61 s

      dense            perplexity 27.04 ± 0.90, 134,515,008 parameters, 270.0 MB
      measured on      evaluation, 8 windows of 512 tokens, by Snug's own graphs
      calibration      128 samples, 65,536 tokens
      in common        All rows saw the same calibration samples, which were tokenized once.
      not 0.1, Q4_K_M  Nothing would be cut.
      kept             1 row of an earlier run; --again makes them again
      device           CPU
      took             2 min, peak memory 1.00 GiB
      Careful: * is the front: no other row is as small and loses less. Rows closer than their errors are not told apart.
      Careful: only 1,000 tokens of calibration
      "
    `);
  });
  it('calibration-size', async () => {
    expect(await tableOf('calibration-size')).toMatchInlineSnapshot(`
      "How much text a slice needs, sliced block by block.

      samples   tokens  perplexity     loss (KLD)  same word   parameters  energy lost  took
      87       178,176  65.6 ± 1.5  0.851 ± 0.074     55.7 %  150,000,000        2.0 %  61 s

      dense        perplexity 27.04 ± 0.90, 134,515,008 parameters, 270.0 MB
      measured on  evaluation, 8 windows of 512 tokens, by Snug's own graphs
      in common    All rows saw the same calibration samples, which were tokenized once.
      not 0.001    Nothing would be cut.
      kept         1 row of an earlier run; --again makes them again
      device       CPU
      took         2 min, peak memory 1.00 GiB
      Careful: 1 sliced row has no fewer parameters than the dense model: shortcut matrices, or an output layer of its own, take what slicing saves.
      Careful: only 1,000 tokens of calibration
      "
    `);
  });
  it('pca-precision', async () => {
    expect(await tableOf('pca-precision')).toMatchInlineSnapshot(`
      "What precision of the PCA costs, sliced block by block.

      precision  perplexity     loss (KLD)  same word   parameters  |QᵀQ - I|  eigenvalues off                  at most  took
      fp32       65.6 ± 1.5  0.851 ± 0.074     55.7 %  150,000,000     2.7e-6           2.3e-8  1.1e-7 (layer3.mlp_out)  61 s

      dense        perplexity 27.04 ± 0.90, 134,515,008 parameters, 270.0 MB
      measured on  evaluation, 8 windows of 512 tokens, by Snug's own graphs
      calibration  128 samples, 65,536 tokens
      in common    All rows saw the same calibration samples, which were tokenized once.
      not 0.001    Nothing would be cut.
      kept         1 row of an earlier run; --again makes them again
      written      /out/rows.csv
      device       CPU
      took         2 min, peak memory 1.00 GiB
      Careful: 1 sliced row has no fewer parameters than the dense model: shortcut matrices, or an output layer of its own, take what slicing saves.
      Careful: only 1,000 tokens of calibration
      "
    `);
  });
});
