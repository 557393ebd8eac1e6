// Das Modell.
import type { Words } from '../en.ts';

export const model: Words['model'] = {
  start: {
    title: 'Mach ein Sprachmodell passend für deine Karte',
    tooBig: 'Zu groß',
    snug: 'Snug',
    lead: 'Öffne ein Modell, das zu groß ist. Snug zeigt auf das Byte genau, was passen würde und was jeder Weg an Qualität kostet. Es macht den Weg, den du wählst, und beweist, dass das Ergebnis läuft.',
    open: 'Modell öffnen …',
    openFolder: 'Einen Ordner öffnen …',
    sample: 'Am Beispiel ausprobieren',
    dropNote:
      'Oder lass eine .gguf-Datei irgendwo auf dieses Fenster fallen. Das Beispiel hat 14 MB und braucht etwa eine halbe Minute.',
  },
  recent: 'Schon benutzt',
  hub: {
    label: 'Modell auf einem Hub',
    hint: 'BESITZER/NAME, mit :DATEI, wo es mehrere gibt',
    look: 'Ansehen',
    problem: 'Schreib BESITZER/NAME oder BESITZER/NAME:DATEI.',
  },
  label: 'Modell',
  change: 'Ändern',
  parameters: (count) => `${count} Parameter`,
  reading: (name) => `${name} wird gelesen …`,
  openAnother: 'Anderes Modell öffnen',
  facts: {
    architecture: 'Architektur',
    parameters: 'Parameter',
    file: 'Datei',
    types: 'Typen',
    typesHint: 'Wie die Zahlen gespeichert sind: der Typ der meisten Tensoren zuerst.',
    moreTypes: (names, more) => `${names} und ${more} weitere`,
    context: 'Kontext',
    contextHint: 'Der längste Text, auf den das Modell zurückblicken kann.',
    layers: 'Schichten',
    layersAndWidth: (layers, width) => `${layers}, ${width} breit`,
    experts: 'Experten',
    expertsUsed: (used, count) => `${used} von ${count} gleichzeitig`,
    expertsShared: (used, count, shared) => `${used} von ${count} gleichzeitig und ${shared} gemeinsame`,
    canBeDone: 'Was damit geht',
    all: 'Alles über dieses Modell',
  },
  abilities: {
    quantize: 'Quantisieren',
    importance: 'Wichtigkeit messen',
    sliceShared: 'Schneiden, gemeinsame Drehung',
    slicePerBlock: 'Schneiden, je Block',
    prune: 'Beschneiden',
    dropLayers: 'Schichten weglassen',
  },
};
