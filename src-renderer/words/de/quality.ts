// Verlust und Qualität in einfachen Worten.
import type { Words } from '../en.ts';

export const quality: Words['quality'] = {
  losses: {
    nothing: 'nichts',
    almostNothing: 'fast nichts',
    little: 'wenig',
    some: 'etwas',
    much: 'viel',
    tooMuch: 'zu viel',
  },
  lossHint:
    'KL-Divergenz vom Original in Nat je Token: wie anders das nächste Wort vorhergesagt wird. Aus veröffentlichten Typen und Größen geschätzt, bis es gemessen ist.',
  nextWord: (times, error) => `Wählt ${times}-mal in 100 dasselbe nächste Wort wie das Original (± ${error})`,
  perplexity: (figure) => `Perplexität ${figure} auf Text, den es nicht kennt`,
  perplexityChange: (before, after) => `Perplexität ${before} → ${after} auf Text, den es nicht kennt`,
  loses: (loss) => `Verliert ${loss} Nat je Token`,
  measuredOn: ({ windows, windowTokens, text, engine, kind }) =>
    `Gemessen auf ${windows} × ${windowTokens} Token von „${text}“ mit ${engine}, ${kind}`,
  engines: { onnx: 'Snugs eigenen Graphen', 'llama.cpp': 'llama.cpp' },
  kinds: { 'as-run': 'so wie es läuft', 'weights-only': 'nur die Gewichte' },
};
