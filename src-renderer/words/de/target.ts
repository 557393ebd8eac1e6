// Worein das Modell passen soll.
import type { Words } from '../en.ts';

export const target: Words['target'] = {
  label: 'Ziel',
  fitInto: 'Passend für',
  aCard: 'eine Karte',
  aFileSize: 'eine Dateigröße',
  card: 'Kartenspeicher',
  cardFound: 'hier gefunden',
  cardHere: (name, free) => `${name}, hier gefunden, ${free} frei`,
  cards: 'Karten',
  context: 'Kontext',
  kvCache: 'KV-Cache',
  kvHint: 'Was sich das Modell vom bisherigen Text merkt. Kleinere Typen sparen Speicher und verlieren ein wenig.',
  kvTypes: { f16: 'f16, genau', q8_0: 'q8_0, die Hälfte', q4_0: 'q4_0, ein Viertel' },
  reserve: 'Reserve',
  reserveHint: 'bleibt der Anzeige',
  file: 'Dateigröße',
  fileHint: 'GB, 1000³ Byte',
  problems: {
    card: 'Schreib eine Größe, etwa 24 GB.',
    reserve: 'Schreib eine Größe, etwa 1 GiB.',
    reserveTakesAll: 'So bleibt nichts übrig.',
    file: 'Schreib eine Größe, etwa 8 GB.',
  },
};
