// @vitest-environment node
// The catalogue of words: every language says everything, in its own words and its own numbers.
import { afterEach, describe, expect, it } from 'vitest';
import type { PlanRemark } from '../../src-main/contract/plan.ts';
import { figureInWords } from '../../src-renderer/features/history/run-text.ts';
import { cutShare } from '../../src-renderer/features/studies/figures.ts';
import { de } from '../../src-renderer/words/de.ts';
import { en } from '../../src-renderer/words/en.ts';
import {
  formatCount,
  formatFileSize,
  formatLoss,
  formatParameters,
  formatShare,
} from '../../src-renderer/words/numbers.ts';
import { planIdInWords, planName, planNotes } from '../../src-renderer/words/plan-words.ts';
import { languageFor, speak, useWords } from '../../src-renderer/words/words.ts';

/** Dotted names and what they say; functions are asked with plain arguments, once in the singular. */
function sayings(words: object, prefix = ''): [name: string, text: string][] {
  return Object.entries(words).flatMap(([key, value]: [string, unknown]): [string, string][] => {
    const name = prefix === '' ? key : `${prefix}.${key}`;
    if (typeof value === 'function') return [1, 2].map((count) => [`${name}(${count})`, said(value as Speech, count)]);
    if (typeof value === 'object' && value !== null) return sayings(value, name);
    return [[name, value === null ? 'null' : (value as string)]];
  });
}

type Speech = (...parameters: unknown[]) => string;
const said = (speech: Speech, count: number): string =>
  speech.length === 1 && speech.toString().startsWith('({')
    ? speech({ windows: count, windowTokens: count, text: 'x', engine: 'x', kind: 'x' })
    : speech(...Array.from({ length: speech.length }, () => count));

const english = new Map(sayings(en));
const german = new Map(sayings(de));

afterEach(() => speak('en'));

describe('the catalogue', () => {
  it('has the same names in both languages', () => {
    expect([...german.keys()].toSorted()).toEqual([...english.keys()].toSorted());
    expect(english.size).toBeGreaterThan(200);
  });

  it.each([
    ['English', english],
    ['German', german],
  ])('says something everywhere in %s', (_name, texts) => {
    for (const [name, text] of texts) {
      expect(text.trim(), name).not.toBe('');
      expect(text, name).not.toMatch(/undefined|\[object/);
    }
  });

  it('says in German what people read as a sentence, not in English', () => {
    const same = [...english].filter(([name, text]) => german.get(name) === text && /[a-z]+ [a-z]+ [a-z]+/.test(text));
    expect(same).toEqual([]);
  });
});

describe('German units', () => {
  it('have one plural: Token and Nat', () => {
    expect([...german].filter(([, text]) => /\b(Tokens|Nats)\b/.test(text))).toEqual([]);
  });
});

describe('a plan in a recipe', () => {
  it.each([
    ['q6_k', 'Q6_K'],
    ['IQ4_XS', 'IQ4_XS'],
    ['all-q4_0', 'Q4_0 on all tensors'],
    ['f16', 'F16'],
    ['source', 'source unchanged'],
    ['source+kv-q8_0+context-16384', 'source unchanged, KV cache q8_0, context 16,384'],
    ['slice-512+q8_0+cpu-layers-3', 'sliced to 512 columns, Q8_0, 3 layers on the CPU'],
    ['q4_k_m+cpu-experts-1', 'Q4_K_M, experts of 1 layer on the CPU'],
    ['a newer one', 'a newer one'],
  ])('%s is said as %s', (id, text) => expect(planIdInWords(id)).toBe(text));
});

describe('what there is to know of a plan', () => {
  const remarks: PlanRemark[] = [
    { kind: 'narrower' },
    { kind: 'fallback', fallen: 3, matrices: 20, blockSize: 256, types: ['Q5_0', 'Q8_0'] },
    { kind: 'slower', flag: '--n-cpu-moe 3' },
    { kind: 'measured', run: 'r1', windows: 8, windowTokens: 2048, text: 'evaluation' },
  ];
  const notes = ['As the engine says it.'];

  it('is said in the language of the window, by the engine only where an older result has no more', () => {
    expect(planNotes({ notes, remarks }).slice(1)).toEqual([
      '3 of 20 matrices have rows that are no multiple of 256, so llama.cpp gives them Q5_0, Q8_0 instead.',
      'Slower: start the runner with --n-cpu-moe 3.',
      'The loss was measured by run r1, on 8 × 2,048 tokens of “evaluation”.',
    ]);
    speak('de');
    const [narrower, ...others] = planNotes({ notes, remarks });
    expect(narrower).toMatch(/^Macht das Modell schmaler/);
    expect(others).toEqual([
      '3 von 20 Matrizen haben Zeilen, die kein Vielfaches von 256 sind; llama.cpp gibt ihnen stattdessen Q5_0, Q8_0.',
      'Langsamer: starte das Programm mit --n-cpu-moe 3.',
      'Den Verlust hat der Lauf r1 gemessen, auf 8 × 2.048 Token von „evaluation“.',
    ]);
    expect(planNotes({ notes })).toEqual(notes);
  });
});

describe('a percentage', () => {
  it('has one form in a language: in German a narrow space that does not break', () => {
    const say = (): string[] => [formatShare(0.58), figureInWords('topOneAgreement', 0.974, null), cutShare(0.125)];
    expect(say()).toEqual(['58%', '97.4%', '12.5%']);
    speak('de');
    expect(say()).toEqual(['58\u202F%', '97,4\u202F%', '12,5\u202F%']);
  });
});

describe('the language', () => {
  it('is the first wanted one that there are words for', () => {
    expect(languageFor(['fr-FR', 'de-AT', 'en'])).toBe('de');
    expect(languageFor(['fr'])).toBe('en');
  });

  it('changes words and numbers at once', () => {
    const words = useWords();
    const step = { method: 'quantize', type: 'Q4_K_M', pure: false, importance: true } as const;
    const say = (): string[] => [
      words.frame.areas.settings,
      formatFileSize(18.7e9),
      formatCount(4096),
      formatLoss(0.0213),
      formatParameters(32.8e9),
      planName({ steps: [step, { method: 'cpu-layers', layers: 1, gpuLayers: 3, flag: '' }] }),
    ];
    expect(say()).toEqual(['Settings', '18.7 GB', '4,096', '0.021', '32.8 billion', 'Q4_K_M mix, 1 layer on the CPU']);
    speak('de');
    expect(say()).toEqual([
      'Einstellungen',
      '18,7 GB',
      '4.096',
      '0,021',
      '32,8 Milliarden',
      'Mischung Q4_K_M, 1 Schicht auf dem Prozessor',
    ]);
  });
});
