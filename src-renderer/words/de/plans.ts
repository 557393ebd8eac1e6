// Pläne: Namen, Urteile, der Balken.
import type { Words } from '../en.ts';

export const plans: Words['plans'] = {
  label: 'Pläne',
  parts: { weights: 'Gewichte', kv: 'KV-Cache', buffers: 'Puffer', reserve: 'Reserve', file: 'Datei' },
  partHints: {
    weights: 'Das Modell selbst.',
    kv: 'Was sich das Modell vom bisherigen Text merkt; wächst mit dem Kontext.',
    buffers: 'Platz zum Rechnen, während es läuft.',
    reserve: 'Bleibt der Anzeige und dem Treiber.',
  },
  free: 'Frei',
  overBy: 'Zu viel',
  barInWords: (limit, parts) => `Von ${limit}: ${parts}.`,
  barPart: (part, size) => `${part} ${size}`,
  barFree: (size) => `frei ${size}`,
  barOver: (size) => `${size} zu viel`,
  spare: (size) => `${size} bleiben frei`,
  tooMuch: (size) => `${size} zu viel`,
  verdict: {
    fits: (spare) => `Passt, ${spare} bleiben frei`,
    fitsAsIs: (spare) => `Passt, wie es ist, ${spare} bleiben frei`,
    fitsMostlyOnCpu: (spare) => `Passt, rechnet aber meist auf dem Prozessor (langsam), ${spare} bleiben frei`,
    fitsPartlyOnCpu: (spare) => `Passt, rechnet aber zum Teil auf dem Prozessor (langsamer), ${spare} bleiben frei`,
    layersOnCpu: (layers, all) =>
      `${layers} von ${all} Schichten rechnet der Prozessor, wo jedes Wort viel länger dauert als auf der Karte.`,
    expertsOnCpu: (layers) =>
      `Die Experten von ${layers === 1 ? '1 Schicht' : `${layers} Schichten`} rechnet der Prozessor, wo jedes Wort länger dauert als auf der Karte.`,
    writeSize: 'Gib eine Größe an, dann rechnet Snug aus, was passt',
    doesNotFit: (over) => `Passt nicht: ${over} zu viel`,
    nothingFits: (limit) => `Nichts passt in ${limit}`,
    noSliceFits: (limit) => `Kein Schnitt passt in ${limit}`,
    otherPlans: 'Erlaube andere Pläne: „Verkleinern durch“ unter „Erweitert“.',
    smallest: (name, size, over) => `Der kleinste brauchbare Plan (${name}) braucht ${size}, ${over} zu viel.`,
    largerCard: 'Nimm eine größere Karte, einen kürzeren Kontext oder ein kleineres Modell.',
    largerFile: 'Erlaube eine größere Datei oder nimm ein kleineres Modell.',
  },
  name: {
    source: 'Die Quelle unverändert',
    sourceInLine: 'Quelle unverändert',
    slicedTo: (width) => `auf ${width} Spalten geschnitten`,
    mix: (type) => `Mischung ${type}`,
    pure: (type) => `${type} für alle Tensoren`,
    sliced: (width, hiddenSize) => `Auf ${width} von ${hiddenSize} Spalten geschnitten`,
    notQuantised: 'Gewichte nicht quantisiert',
    kvCache: (type) => `KV-Cache ${type}`,
    context: (tokens) => `Kontext ${tokens}`,
    layersOnCpu: (layers) => (layers === 1 ? '1 Schicht auf dem Prozessor' : `${layers} Schichten auf dem Prozessor`),
    expertsOnCpu: (layers) =>
      layers === 1 ? 'Experten von 1 Schicht auf dem Prozessor' : `Experten von ${layers} Schichten auf dem Prozessor`,
  },
  question: {
    file: (count, size) => `${count} Pläne für eine Datei von ${size}`,
    card: (count, size, context, kvType) =>
      `${count} Pläne für eine Karte mit ${size}, ${context} Token Kontext, KV-Cache ${kvType}`,
  },
  clone: {
    settingsOf: 'Einstellungen des Laufs',
    makes: '; was damit gemacht wird, gilt als sein Klon.',
    drop: 'Die üblichen Einstellungen nehmen',
  },
  working: 'Es wird ausgerechnet, was passt …',
  workingCounted: (done, total) => `Es wird ausgerechnet, was passt: ${done} von ${total} …`,
  waiting: 'Wartet auf das Ende des Laufs, dann wird ausgerechnet, was passt …',
  sentence: (name, size, loss) => `${name}: ${size}, verliert ${loss}.`,
  cost: (time, file, memory) => `Das Machen dauert etwa ${time}, braucht ${memory} Speicher und schreibt ${file}.`,
  costChanged: (time, file, memory) =>
    `Mit den Einstellungen unten dauert das Machen etwa ${time}, braucht ${memory} Speicher und schreibt ${file}.`,
  costOfBest: (count, time, disk, memory) =>
    `Mit den Einstellungen unten ${count === 1 ? 'dauert es, den besten Plan zu machen,' : `dauert es, die ${count} besten zu machen und zu messen,`} etwa ${time} und braucht ${memory} Speicher und bis zu ${disk} auf der Platte.`,
  costAsked: 'Es wird ausgerechnet, was es mit den Einstellungen unten braucht …',
  settingWrong: 'Berichtige zuerst, was in den Einstellungen unten falsch ist.',
  costLater: 'Was das Machen braucht, wird vor dem Start gesagt.',
  lossWithImportance: 'Die Verluste sind die mit Wichtigkeit, die in den Einstellungen unten aus ist.',
  make: 'Machen …',
  prove: 'Beweisen, dass es läuft',
  tryAgain: 'Noch einmal',
  noSlices: (reason) => `Keine Schnitte unter den Plänen: ${reason}`,
  systemMemory: (size) => `Braucht außerdem ${size} Arbeitsspeicher.`,
  thingsToKnow: 'Gut zu wissen',
  remarks: {
    narrower:
      'Macht das Modell schmaler: die Kalibrierung findet die Richtungen, die am wenigsten tragen, und sie fallen weg. Meist verliert das mehr als kleinere Typen, darum bleibt ein Schnitt nur, wenn er besser misst.',
    'narrower-wished':
      'Macht das Modell schmaler: die Kalibrierung findet die Richtungen, die am wenigsten tragen, und sie fallen weg. Meist verliert das mehr als kleinere Typen.',
    'folder-written': 'Der Ordner wird als eine GGUF-Datei geschrieben, wie Programme sie lesen.',
    'of-no-use': 'Verliert voraussichtlich zu viel, um brauchbar zu sein.',
    'source-quantised': 'Die Quelle ist schon quantisiert; der Verlust zählt von ihr aus, nicht vom Original.',
    'cache-type': 'Starte das Programm mit Flash Attention und diesem Cache-Typ.',
  },
  remarkFallback: (fallen, matrices, blockSize, types) =>
    `${fallen} von ${matrices} Matrizen haben Zeilen, die kein Vielfaches von ${blockSize} sind; llama.cpp gibt ihnen stattdessen ${types}.`,
  remarkSlower: (flag) => `Langsamer: starte das Programm mit ${flag}.`,
  remarkMeasured: (run, windows, tokens, text) =>
    `Den Verlust hat der Lauf ${run} gemessen, auf ${windows} × ${tokens} Token von „${text}“.`,
  rows: {
    legend: 'Pläne, der beste zuerst',
    plan: 'Plan',
    file: 'Datei',
    onTheCard: 'Auf der Karte',
    size: 'Größe',
    loses: 'Verliert',
    fits: 'Passt',
    narrower: 'Ein schmaleres Modell',
    slower: 'antwortet langsamer',
  },
};
