// Was aus den Schnitten eines Anpassens wurde.
import type { Words } from '../en.ts';

export const slices: Words['slices'] = {
  fitsAsIs: 'Schneiden kam nicht in Betracht: das Modell passt, wie es ist.',
  refused: (message) => `Schneiden kam nicht in Betracht: ${message}`,
  noneFits: 'Kein Schnitt passt.',
  onlySlices: 'Nur Schnitte passen; nur eine Messung wählt einen, und dieser Lauf misst nicht.',
  notMeasured: 'Kein Schnitt wurde verglichen: nur eine Messung wählt einen, und dieser Lauf misst nicht.',
  unwished: 'Kein Schnitt wurde erwogen: gewünscht waren nur Pläne ohne Schnitt.',
  wished: (name) => `„${name}“ wurde gemacht, weil nur Schnitte gewünscht waren.`,
  wishedMeasured: (name, loss) =>
    `„${name}“ wurde gemacht, weil nur Schnitte gewünscht waren; gemessen wurde ein Verlust von ${loss}.`,
  noneOfUse: 'Kein Schnitt wurde gemacht: kein Typ, der weniger verliert, passt, wenn er geschnitten wird.',
  notMade: (name, because) => `„${name}“ wurde nicht gemacht: ${because}`,
  tooLarge: 'es passt nicht.',
  nothingToCompare: 'es gibt keine Messung zum Vergleich.',
  tooMuchMemory: (needed, allowed) => `es bräuchte wohl ${needed} Speicher, und dieser Lauf darf ${allowed} haben.`,
  notExpected: (least, unsliced, loss) =>
    `es verlöre wohl mindestens ${least}, und für „${unsliced}“ ohne Schnitt wurde ${loss} gemessen.`,
  otherAsked: (name) => `Kein Schnitt wurde verglichen: nur „${name}“ war gewünscht.`,
  bestSlice: (name, expected) => `„${name}“, der beste Schnitt, der passt, ${expected}; gemessen ist das nicht.`,
  toLose: (loss, low, high) => `verliert voraussichtlich ${loss} (${low} bis ${high})`,
  toLoseNothing: 'verliert voraussichtlich nichts',
  asked: (name) => `„${name}“ wurde gemacht, weil es gewünscht war.`,
  askedMeasured: (name, loss) =>
    `„${name}“ wurde gemacht, weil es gewünscht war; gemessen wurde ein Verlust von ${loss}.`,
  notComparedAlone: 'Verglichen wurde nicht: ohne Schnitt passt nichts.',
  notCompared: (unsliced, expected) =>
    `Verglichen wurde nicht: „${unsliced}“ passt ohne Schnitt und ${expected}; gemessen ist das nicht.`,
  compared: (name, loss, unsliced, other) =>
    `Für „${name}“ wurde ein Verlust von ${loss} gemessen; „${unsliced}“ ohne Schnitt passt und verliert ${other}.`,
  settings: (loss, settings) => `${loss} (dazu ${settings} für seine Einstellungen)`,
  better: 'Der Schnitt ist besser und wurde gewählt.',
  close: 'Der Unterschied liegt im Fehler der Messung, darum wurde der Schnitt nicht gewählt.',
  worse: 'Schneide dieses Modell nicht.',
  alone: (name) => `Ohne Schnitt passt nichts; „${name}“ passt.`,
  aloneMeasured: (name, loss) =>
    `Ohne Schnitt passt nichts; „${name}“ passt, mit einem gemessenen Verlust von ${loss}.`,
  ofNoUse: 'Das ist zu viel, um brauchbar zu sein.',
};
