// Was gesagt wird, bevor ein langer Lauf beginnt.
import type { Words } from '../en.ts';

export const preflight: Words['preflight'] = {
  title: (plan) => `Machen: ${plan}`,
  titleProof: 'Beweisen, dass es läuft',
  titleBest: (count) => (count === 1 ? 'Den besten Plan machen' : `Die besten ${count} machen und messen`),
  looking: 'Es wird ausgerechnet, was es braucht …',
  about: (time) => `Etwa ${time}`,
  unknownTime: 'Wie lange es dauert, lässt sich nicht sagen',
  between: (low, high) => `zwischen ${low} und ${high}`,
  memory: 'Speicher, höchstens',
  memoryHint: 'Das meiste, was ein Teil von Snug braucht, ohne das, was llama.cpp aus Dateien einblendet.',
  unknown: 'lässt sich nicht sagen',
  disk: 'Platte',
  diskFree: (needed, free) => `${needed} von ${free} freien`,
  writes: 'Schreibt',
  replaces: 'Eine Datei dieses Namens wird ersetzt.',
  stages: 'Schritte',
  refused: 'So kann es nicht beginnen',
  start: 'Starten',
  cancel: 'Nicht jetzt',
};
