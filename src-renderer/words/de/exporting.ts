// Exporte: ein fertiges Modell in die Programme, die Modelle laufen lassen, oder in einen Ordner.
import type { Words } from '../en.ts';

export const exporting: Words['exporting'] = {
  title: 'Benutzen in',
  useIn: (name) => `In ${name} benutzen`,
  intoFolder: 'In einen Ordner legen …',
  dialogTitle: (model) => `${model} exportieren`,
  looking: 'Sucht Programme, die Modelle laufen lassen …',
  lookAgain: 'Noch einmal suchen',
  runners: {
    ollama: 'Ollama',
    'lm-studio': 'LM Studio',
    jan: 'Jan',
    koboldcpp: 'KoboldCpp',
    'text-generation-webui': 'text-generation-webui',
    'llama-server': 'llama-server',
  },
  folder: 'Ordner …',
  noCopy: 'Kopiert wird nur, wenn du es verlangst.',
  noneFound:
    'Kein Programm, das Modelle laufen lässt, wurde gefunden: lege es in einen Ordner, oder nenne unten den Ordner deines Programms.',
  folderOnly: 'Diese Programme nehmen GGUF-Dateien. Ein Modell in dieser Form kommt in einen Ordner.',
  missing: (count) => (count === 1 ? '1 Programm wurde nicht gefunden' : `${count} Programme wurden nicht gefunden`),
  lookedIn: (places) => `Gesucht in ${places}`,
  nameFolder: (name) => `${name} liegt in einem anderen Ordner …`,
  showCommand: 'Befehl zeigen',
  sendingTo: (target) => `Nach ${target}:`,
  working: 'legt die Dateien hin …',
  stages: { copy: 'kopiert', checksum: 'prüft die Bytes', create: 'das Programm nimmt es auf' },
  cancel: 'Abbrechen',
  stopping: 'hält an und nimmt zurück, was schon dort liegt …',
  asksCopy: (size) => `Dafür ist eine zweite Kopie von ${size} nötig`,
  copyNote: (target) => `${target} kann die Datei nicht benutzen, wo sie liegt. Das Original bleibt, wie es ist.`,
  makeCopy: (size) => `${size} kopieren`,
  noThanks: 'Nicht kopieren',
  nothing: 'Es gibt nichts zu exportieren: was dieser Lauf gemacht hat, ist weg, oder es war kein Modell.',
  commandFor: (target) => `Der Befehl für ${target}`,
  sent: (target) => `Es ist in ${target}`,
  already: (target) => `Es war schon in ${target}`,
  placedHow: {
    hard: () => 'Eine harte Verknüpfung: ein zweiter Name für dieselben Bytes, der keinen Platz braucht.',
    symbolic: () => 'Eine symbolische Verknüpfung: das Original muss bleiben, wo es ist.',
    copy: (size) => `Eine eigene Kopie, ${size}.`,
    model: (size) => `Im eigenen Speicher des Programms, ${size}.`,
    written: () => 'Nur Karte und Rezept; das Modell bleibt, wo es ist.',
  },
  outcome: 'Was daraus wurde',
  undo: 'Rückgängig',
  undoIn: (target) => `Export nach ${target} rückgängig machen`,
  undoing: 'Nimmt es wieder heraus …',
  undone: (files, size) =>
    files === 0
      ? 'Es war schon weg'
      : `Wieder herausgenommen: ${files === 1 ? '1 Datei' : `${files} Dateien`}, ${size}`,
  left: (reason) => `blieb dort: ${reason}`,
  placed: 'Früher abgelegt',
  takenIn: (file, target) =>
    `${file} ist schon da, und ist nicht dieses Modell. Gib diesem einen anderen Namen in ${target}, oder nimm den Export zurück, der das andere dorthin gelegt hat.`,
  takenInFolder: (file) =>
    `${file} ist schon da, und ist nicht dieses Modell. Nimm einen anderen Ordner, oder nimm den Export zurück, der das andere dorthin gelegt hat.`,
  otherName: (target) => `Sein Name in ${target}`,
  sendAs: 'Diesen Namen nehmen',
  tryAgain: 'Noch einmal',
  close: 'Schließen',
};
