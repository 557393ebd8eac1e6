// @vitest-environment node
// The report: verdicts, true sizes, prediction against measurement, and the same as Markdown.
import { describe, expect, it } from 'vitest';
import type { JobResult } from '../../src-main/contract/job.ts';
import { recipe as recipeSchema } from '../../src-main/contract/recipe.ts';
import type { InvarianceResult } from '../../src-main/contract/results.ts';
import { reportHtml } from '../../src-renderer/features/report/report-html.ts';
import { reportMarkdown } from '../../src-renderer/features/report/report-markdown.ts';
import { reportOf, resultOf, type DoneRun, type Report } from '../../src-renderer/features/report/report.ts';
import { speak } from '../../src-renderer/words/words.ts';
import { planFor } from '../support/plans.ts';
import { fitResult, madeModel, perBlockResult, proof, quality } from './results.ts';

const target = { kind: 'memory', bytes: 24 * 2 ** 30, context: 4096, kvType: 'f16', reserveBytes: 0 } as const;
const recipe = recipeSchema.parse({ verb: 'fit', model: '/models/m.gguf', target, output: '/o.gguf' });

function report(result: JobResult | null, more: Partial<DoneRun> = {}): Report {
  return reportOf({ id: 'run', model: '/models/m.gguf', recipe, result, detail: null, ...more });
}
const quantized = (more: object = {}): JobResult => ({
  verb: 'quantize',
  value: {
    ...madeModel,
    method: 'quantize',
    widths: null,
    resumedAtTensor: null,
    unseenExperts: 0,
    calibration: null,
    ...more,
  },
});

describe('the verdict', () => {
  it('of a fit is about the card', () => {
    const { headline, subline, bar } = report({ verb: 'fit', value: fitResult });
    expect(headline).toBe('It runs, with 5.00 GiB to spare');
    expect(subline).toBe('q4_k_m mix, made in 40 s.');
    expect(bar?.limitBytes).toBe(target.bytes);
  });

  it('of a fit names its model, file, card and proof at the head, in every form', () => {
    const made = { ...fitResult, proof, fileBytes: 18.6e9 };
    const { facts, ...rest } = report({ verb: 'fit', value: made });
    expect(facts).toBe(
      'm.gguf · 18.6 GB · fits a 24.0 GiB card with 4,096 tokens of context, KV cache f16 · proved in llama.cpp',
    );
    for (const text of [reportMarkdown({ ...rest, facts }), reportHtml({ ...rest, facts })])
      expect(text).toContain(facts);
    const steps = [{ method: 'context', tokens: 16_384 } as const, { method: 'kv-cache', type: 'q8_0' } as const];
    const changed = { ...made, plan: { ...made.plan!, steps, fits: false } };
    expect(report({ verb: 'fit', value: changed }).facts).toContain(
      'does not fit a 24.0 GiB card with 16k tokens of context, KV cache q8_0',
    );
    const file = { ...recipe, target: { kind: 'file', bytes: 20e9 } };
    expect(report({ verb: 'fit', value: made }, { recipe: file }).facts).toContain('fits 20.0 GB');
  });

  it('of a fit that made nothing says by how much it does not fit, in the language of the window', () => {
    const plans = [planFor('q8_0', { fits: false, totalBytes: 30 * 2 ** 30, kld: 0.001 })];
    const none = { ...fitResult, verdict: 'Does not fit.', output: null, plan: null, plans };
    const say = (plan: string | null): string =>
      report({ verb: 'fit', value: none }, { recipe: { ...recipe, plan } }).headline;
    expect(say(null)).toBe(
      'Nothing fits 24.0 GiB. The smallest plan of use (q8_0 mix) needs 30.0 GiB, 6.00 GiB too much. Use a larger card, a shorter context, or a smaller model.',
    );
    expect(say('q8_0')).toBe('q8_0 mix: does not fit, over by 6.00 GiB');
    speak('de');
    expect(say('q8_0')).toBe('Mischung q8_0: passt nicht, 6,00 GiB zu viel');
    speak('en');
  });

  it('of a slice says what became of its size', () => {
    const smaller = report({ verb: 'slice', value: { ...perBlockResult, fileBytes: 847_000 } });
    expect(smaller.headline).toBe('It is made, and is 15% smaller');
    expect(smaller.sizes?.isBigger).toBe(false);
    const bigger = report({ verb: 'slice', value: { ...perBlockResult, fileBytes: 1_041_000 } });
    expect(bigger.headline).toBe('It is made, and is 4.1% bigger than before');
    expect(bigger.sizes?.notes[0]).toBe('This makes the model bigger.');
    expect(bigger.sizes?.notes).toContain('Cutting 25% of the width makes this model 10% smaller in parameters.');
  });

  it('tells a failed gate and a failed proof before anything else', () => {
    const gate = { limit: 0.1, value: 0.2, passed: false, measure: 'kld' } as const;
    expect(report(quantized({ gate })).headline).toMatch(/loses more than you allow/);
    const failed = { ...proof, passed: false, reason: 'It would not load.' };
    const { headline, proof: told } = report(quantized({ proof: failed }));
    expect(headline).toMatch(/does not run it/);
    expect(told).toMatchObject({ passed: false, lines: expect.arrayContaining(['It would not load.']) as string[] });
    expect(report(quantized({ proof })).headline).toBe('It runs, and is Q4_K_M');
  });

  it('is said where a result cannot be read', () => {
    expect(resultOf({ verb: 'fit', result: { of: 'another version' } })).toBeNull();
    expect(resultOf({ verb: 'fit', result: fitResult })).toEqual({ verb: 'fit', value: fitResult });
    expect(report(null).headline).toBe('This run is done');
  });
});

describe('prediction against measurement', () => {
  const predicted = (kld: number) => ({ ...fitResult, plan: planFor('q4_k_m', { kld }), quality });

  it('says whether it came as expected', () => {
    const loss = report({ verb: 'fit', value: predicted(0.02) }).loss!;
    expect(loss.inWords).toBe('Predicted ≈ 0.020 (0.0067 – 0.060) nats per token, measured 0.0213 ± 0.0020');
    expect(loss.verdict).toBe('as expected');
    expect(report({ verb: 'fit', value: predicted(0.001) }).loss?.verdict).toBe('worse than expected');
    expect(report({ verb: 'fit', value: predicted(0.4) }).loss?.verdict).toBe('better than expected');
  });

  it('is none where the plan has its measurement already', () => {
    const plan = planFor('q4_k_m', { predicted: { ...planFor('x').predicted, basis: 'measured' } });
    expect(report({ verb: 'fit', value: { ...fitResult, plan, quality } }).loss).toMatchObject({
      predicted: null,
      inWords: 'Loses 0.0213 ± 0.0020 nats per token',
    });
  });
});

describe('layers', () => {
  it('are those that were cut', () => {
    const { sites } = report({ verb: 'slice', value: perBlockResult });
    expect(sites.map(({ name }) => name)).toEqual(['embed', 'layer0.attn_out']);
  });
});

describe('Markdown', () => {
  it('has the whole report, in the language of the window', () => {
    const text = reportMarkdown(report({ verb: 'slice', value: { ...perBlockResult, quality, proof } }));
    for (const part of [
      '# It runs, and is 15% smaller',
      '| File | 1.00 MB | 847.0 kB | 15% smaller |',
      '- Picks the same next word as the original 93.0 times in 100 (± 0.4)',
      '| layer 1 · attention | 192 | 0.42% |',
      '> Once upon a time',
      '| Target: Context | 4,096 |',
    ])
      expect(text).toContain(part);
    expect(text).not.toMatch(/undefined|null|\[object/);
    speak('de');
    const german = reportMarkdown(report({ verb: 'fit', value: fitResult }));
    for (const part of ['## Rezept', '| Ziel: Kontext | 4.096 |', '| Art des Laufs | Anpassen |'])
      expect(german).toContain(part);
    const invariance = { maxLogitDifference: 0.000012, tolerance: 0.0005 } as InvarianceResult;
    expect(reportMarkdown(report({ verb: 'slice', value: { ...perBlockResult, invariance } }))).toContain(
      'um mehr als 1,2e−5 (erlaubt 5,0e−4)',
    );
    speak('en');
  });
});

describe('HTML', () => {
  const made = { verb: 'slice', value: { ...perBlockResult, quality, proof } } as const;

  it('is one file with the whole report, charts inside, no script and nothing from elsewhere', () => {
    const text = reportHtml(report(made)).replaceAll(/>\s+</g, '><');
    for (const part of [
      '<h1>It runs, and is 15% smaller</h1>',
      '<td>847.0 kB</td>',
      'Picks the same next word as the original 93.0 times in 100',
      '<td>layer 1 · attention</td>',
      'Once upon a time',
      '<td>Target: Context</td><td>4,096</td>',
    ])
      expect(text).toContain(part);
    expect(text.match(/<svg/g)).toHaveLength(1);
    expect(text).not.toMatch(/<script|<link|<img|https?:|undefined|null|\[object|NaN/);
    const fitted = { ...fitResult, plan: planFor('q4_k_m', { kld: 0.02 }), quality };
    expect(reportHtml(report({ verb: 'fit', value: fitted })).match(/<svg/g)).toHaveLength(2);
  });

  it('says what files and models are called, as text', () => {
    const evil = '<img src=x onerror=alert(1)>&"\'';
    const text = reportHtml(report(made, { model: `/models/${evil}.gguf`, recipe: { ...recipe, model: evil } }));
    expect(text).not.toContain('<img');
    expect(text).toContain('&lt;img src=x onerror=alert(1)&gt;&amp;&quot;&#39;');
  });

  it('is in the language of the window', () => {
    speak('de');
    expect(reportHtml(report(made))).toMatch(/<html lang="de[^"]*">[\s\S]*<h2>Qualität<\/h2>/);
    speak('en');
  });
});
