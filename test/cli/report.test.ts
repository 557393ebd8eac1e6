// The readable results of jobs, word for word.
import { describe, expect, it } from 'vitest';
import type { JobEvent } from '../../src-main/contract/job.ts';
import { hubModel } from './fake-answers.ts';
import { plans, results } from './fake-results.ts';
import { snug, text, withResult } from './run.ts';

const noLoss = { kld: 0, kldLow: 0, kldHigh: 0, perplexityRatio: 1, basis: 'prior' as const };

describe('results as text', () => {
  it('a job says on stderr what it used of a hub', async () => {
    const evaluated = results.evaluate;
    const result = { ...evaluated, value: { ...evaluated.value, hub: [hubModel] } };
    const { stdout, stderr } = await withResult('evaluate hub:o/m', result);
    expect(stderr).toContain('hub         hub:o/m, commit abcdef012345');
    expect(stderr).toContain('downloaded  262.1 kB of 600.0 MB in 1 file: headers only');
    expect(stdout).not.toContain('abcdef012345');
    expect((await withResult('evaluate hub:o/m --json', result)).stderr).not.toContain('abcdef012345');
  });

  it('slice', async () => {
    expect(await text('slice m.gguf --width 512 --output sliced.gguf')).toMatchInlineSnapshot(`
      "Picks the same next word as the original 93 times in 100.
      Cutting 11.1 % of the width makes this model bigger, by 7.6 % in parameters: its output layer was the embedding and now is a matrix of its own.

      written         /out/sliced.gguf, 289.0 MB
      before          269.0 MB
      width           512 of 576 (11.1 % cut), 1.2 % of the signal's energy lost, pca orientation
      type            F16 (F16 × 212, F32 × 61)
      parameters      134,515,008 → 144,721,408, of them 25,165,824 for an output layer of its own
      calibration     128 samples, 65,536 tokens
      rotation alone  changes nothing: perplexity 27.0412 → 27.0413
      logits          at most 1.2e-4 apart by rotation alone (limit 2.0e-2, largest logit 21.4)
      perplexity      61.6 ± 1.5 → 62.9 ± 1.6 (×1.0211)
      loss (KLD)      0.02130 ± 0.00040, 99th percentile 0.2100
      measured on     evaluation, 8 windows of 512 tokens, by llama.cpp, as run
      proof           llama.cpp b10000 runs it; KLD to the source 0.0000 (limit 0.0500)
                      log-probabilities at 256 positions are within 0.0030 of Snug's own of the file (limit 0.3500)
                      8.00 MiB of memory needed, 8.00 MiB planned
      it wrote        "The house was\\nold"
      device          CPU
      took            2 min, peak memory 1.00 GiB
      sha256          aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
      Careful: only 1,000 tokens of calibration
      "
    `);
  });

  it('invariance', async () => {
    expect(await text('invariance m.gguf')).toMatchInlineSnapshot(`
      "A rotation leaves this model as it was.

      rotation alone  changes nothing: perplexity 27.0412 → 27.0413
      logits          at most 1.2e-4 apart by rotation alone (limit 2.0e-2, largest logit 21.4)
      text            evaluation, 2048 tokens
      device          CPU
      took            6 s
      Careful: only 1,000 tokens of calibration
      "
    `);
  });

  it('study', async () => {
    expect(await text('study sparsity m.gguf --values 0.2')).toMatchInlineSnapshot(`
      "What cutting more costs, sliced block by block.

      cut       widths  perplexity     loss (KLD)  same word   parameters  variance kept  took
      20.8 %  constant  65.6 ± 1.5  0.851 ± 0.074     55.7 %  150,000,000                 61 s
      20.8 %  variance  65.6 ± 1.5  0.851 ± 0.074     55.7 %  150,000,000         98.2 %  61 s

      dense        perplexity 27.04 ± 0.90, 134,515,008 parameters, 270.0 MB
      measured on  evaluation, 8 windows of 512 tokens, by Snug's own graphs
      calibration  128 samples, 65,536 tokens
      in common    All rows saw the same calibration samples, which were tokenized once.
      not 0.001    Nothing would be cut.
      kept         1 row of an earlier run; --again makes them again
      device       CPU
      took         2 min, peak memory 1.00 GiB
      Careful: 2 sliced rows have no fewer parameters than the dense model: shortcut matrices, or an output layer of its own, take what slicing saves.
      Careful: only 1,000 tokens of calibration
      "
    `);
  });

  it('generate, as the text comes', async () => {
    const written: JobEvent[] = [' is', ' is w', ' is wide.'].map((detail, index) => ({
      type: 'progressed',
      progress: { stage: 'generate', done: index + 1, total: 128, unit: 'tokens', detail },
    }));
    const events = (): JobEvent[] => [
      { type: 'started' },
      { type: 'progressed', progress: { stage: 'export', done: 1, total: 2 } },
      ...written,
      { type: 'finished', result: results.generate },
    ];
    const line = ['generate', 'm.gguf', '--prompt', 'The sea'];
    const run = await snug(line, { script: { events } });
    expect(run.stdout).toBe(' is wide.\uFFFD[2J\n');
    expect(run.stderr).toContain('export');
    expect(run.stderr).not.toContain('wide');
    expect(run.stderr).toContain('1,204 tokens behind 3: 346 tokens/s, then 20 tokens/s.');
    expect(run.stderr).toContain('only 1,000 tokens of calibration');
    const json = await snug([...line, '--json'], { script: { events } });
    expect(JSON.parse(json.stdout)).toEqual(results.generate.value);
  });

  it('fit', async () => {
    expect(await text('fit m.gguf --memory 24GiB --output o.gguf')).toMatchInlineSnapshot(`
      "Fits, with 3.1 GiB to spare.
      Picks the same next word as the original 93 times in 100.

      file         /out/fit.gguf, 18.7 GB
      plan         q4-k-m: Q4_K_M with importance
      memory       █████████████████████████████▓▓▓▒░░·····│ 20.9 GiB of 24.0 GiB, llama.cpp's own figures
                   █ weights 17.4 GiB · ▓ KV cache 2.00 GiB · ▒ buffers 512.0 MiB · ░ reserve 1.00 GiB
      note         2 tensors keep Q8_0: their rows are no multiple of 256
      predicted    loss ≈0.0213 (0.0106 to 0.0426), perplexity ×≈1.0213
      perplexity   61.6 ± 1.5 → 62.9 ± 1.6 (×1.0211)
      loss (KLD)   0.02130 ± 0.00040, 99th percentile 0.2100
      measured on  evaluation, 8 windows of 512 tokens, by llama.cpp, as run
      proof        llama.cpp b10000 runs it; KLD to the source 0.0000 (limit 0.0500)
                   log-probabilities at 256 positions are within 0.0030 of Snug's own of the file (limit 0.3500)
                   8.00 MiB of memory needed, 8.00 MiB planned
      it wrote     "The house was\\nold"
      slicing      Slicing to 3072 columns with Q4_K_M was not made: it is expected to lose at least 0.2.
      calibration  128 samples, 65,536 tokens
      device       CPU
      took         10 min, peak memory 3.00 GiB
      sha256       ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff

         made and measured          file         loss (KLD)
      ▸  Q4_K_M with importance  18.7 GB  0.02130 ± 0.00040
         IQ4_XS with importance  17.5 GB  0.03000 ± 0.00050
      Careful: only 1,000 tokens of calibration

      Run it:
        llama-server -m /out/fit.gguf -c 8192
      "
    `);
  });

  it('quantize', async () => {
    expect(await text('quantize m.gguf --type Q4_K_M --output o.gguf')).toMatchInlineSnapshot(`
      "Picks the same next word as the original 93 times in 100.

      written      /out/q.gguf, 4.60 MB
      type         Q4_K_M (Q4_K × 30, Q6_K × 13)
      parameters   6,822,000
      calibration  128 samples, 65,536 tokens
      perplexity   61.6 ± 1.5 → 62.9 ± 1.6 (×1.0211)
      loss (KLD)   0.02130 ± 0.00040, 99th percentile 0.2100
      measured on  evaluation, 8 windows of 512 tokens, by llama.cpp, as run
      proof        llama.cpp b10000 runs it; KLD to the source 0.0000 (limit 0.0500)
                   log-probabilities at 256 positions are within 0.0030 of Snug's own of the file (limit 0.3500)
                   8.00 MiB of memory needed, 8.00 MiB planned
      it wrote     "The house was\\nold"
      device       CPU
      took         21 s, peak memory 100.0 MiB
      sha256       aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
      Careful: only 1,000 tokens of calibration
      "
    `);
  });

  it('calibrate', async () => {
    expect(await text('calibrate m.gguf')).toMatchInlineSnapshot(`
      "Importance of 43 tensors from 65,536 tokens.

      written  /out/i.gguf
      samples  128
      device   CPU
      took     12 s
      Careful: only 1,000 tokens of calibration

      Use it: snug quantize MODEL --type TYPE --importance FILE --output FILE.gguf
      "
    `);
  });

  it('evaluate', async () => {
    expect(await text('evaluate m.gguf --against d.gguf')).toMatchInlineSnapshot(`
      "Picks the same next word as the original 93 times in 100.

      perplexity   61.6 ± 1.5 → 62.9 ± 1.6 (×1.0211)
      loss (KLD)   0.02130 ± 0.00040, 99th percentile 0.2100
      measured on  evaluation, 8 windows of 512 tokens, by llama.cpp, as run
      device       CPU
      took         3 s, 2,346 tokens/s

      task  questions         right     by length
      quiz        200  50.0 ± 3.5 %  55.0 ± 3.5 %
      Careful: only 1,000 tokens of calibration
      "
    `);
  });

  it('demo says what to try next', async () => {
    const { stdout, stderr } = await snug('demo');
    expect(stderr).toContain("Reading the model's tensors.\nopen: 50%\n");
    expect(stdout).toContain('Try next:\n  snug inspect /out/fit.gguf\n');
  });

  it('a model that fits as it is needs nothing made', async () => {
    const cost = { seconds: 0, peakMemoryBytes: 0, diskBytes: 0 };
    const source = { ...plans[0]!, id: 'source', summary: 'the source unchanged', steps: [], predicted: noLoss, cost };
    const { quality: _, ...unmeasured } = results.fit.value;
    const planned = await withResult('plan m.gguf --memory 24GiB', {
      verb: 'plan',
      value: { ...results.plan.value, best: 'source', plans: [source] },
    });
    expect(planned.stdout).toContain('18.7 GB, as it is');
    expect(planned.stdout).toContain('Nothing has to be made.');
    const fitted = await withResult('fit m.gguf --memory 24GiB --output o.gguf', {
      verb: 'fit',
      value: { ...unmeasured, best: 'source', plan: source, measured: [], calibration: null },
    });
    expect(fitted.stdout).not.toContain('quality was not measured');
    expect(fitted.stdout).toContain('calibration  none');
  });

  it('a folder that fits as it is has to be written as a file', async () => {
    const source = { ...plans[0]!, id: 'source', summary: 'the source unchanged', steps: [], predicted: noLoss };
    const { stdout } = await withResult('plan folder --memory 24GiB', {
      verb: 'plan',
      value: { ...results.plan.value, best: 'source', plans: [source] },
    });
    expect(stdout).not.toMatch(/as it is|Nothing has to be made/);
    expect(stdout).toMatch(/loss \(KLD\) {2}none\nto make it  ≈7 min, .* 18\.7 GB of disk\n\nMake it: snug fit MODEL/);
  });

  it('a fit that does not fit shows what comes closest', async () => {
    const value = { ...results.fit.value, verdict: 'Does not fit.', best: null, plan: null, plans: [plans[1]!] };
    const { stdout } = await withResult('fit m.gguf --memory 24GiB --output o.gguf', { verb: 'fit', value });
    expect(stdout).toMatch(/^Does not fit\.\nNothing was written\. The plans that come closest:\n/);
    expect(stdout).toContain('over by 11.9 GiB');
  });
});
