// Das Bild von Größe gegen Verlust und die Pläne daneben.
import type { Words } from '../en.ts';

export const front: Words['front'] = {
  label: 'Größe gegen Verlust',
  views: { chart: 'Bild', table: 'Tabelle' },
  viewsLabel: 'Wie Pläne gezeigt werden',
  chartLabel: 'Pläne nach Größe und Verlust; links und rechts bewegen die Wahl',
  sizeAxis: { memory: 'Auf der Karte', file: 'Dateigröße' },
  lossAxis: 'Verliert, Nat je Token',
  limit: (size) => `Grenze ${size}`,
  nothingLost: '0',
  measured: 'gemessen',
  predicted: 'vorhergesagt, mit Spanne',
  slice: 'ein schmaleres Modell',
  partlyOnCpu: 'zum Teil auf dem Prozessor',
  best: 'der beste, der passt',
  point: (name, size, loss, why) => `${name}: ${size}, verliert ${loss}. ${why}`,
  why: {
    best: 'Der beste, der passt.',
    asGood: 'So gut wie der beste, soweit eine Vorhersage das sagen kann.',
    losesMore: (times) => `Verliert ${times}-mal so viel wie der beste, der passt.`,
    tooBig: (size) => `Um ${size} zu groß.`,
    losesLess: (times) =>
      `Verliert ${times}-mal weniger als der beste, der passt; nicht gewählt wegen der Art, wie er laufen muss.`,
    measuredLess: (times) =>
      `Verliert ${times}-mal weniger, als vom besten, der passt, erwartet wird. Gemessenes ändert die Reihenfolge nicht.`,
    losesNothing: 'Verliert nichts; nicht gewählt wegen der Art, wie er laufen muss.',
    slice: 'Bleibt nur, wenn er besser misst als der beste ohne Schneiden.',
    smaller: (size, times) => `${size} kleiner und verliert ${times}-mal so viel.`,
  },
  onCpu: 'Auf dem Prozessor',
  systemMemory: 'Arbeitsspeicher',
};
