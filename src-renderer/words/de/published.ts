// Von anderen veröffentlichte Quantisierungen des geöffneten Modells.
import type { Words } from '../en.ts';

export const published: Words['published'] = {
  label: 'Veröffentlichte Quantisierungen',
  maybe: (repository) => `Vielleicht haben andere ${repository} quantisiert veröffentlicht.`,
  look: 'Veröffentlichte Quantisierungen suchen',
  looking: (repository) => `Der Hub wird nach Quantisierungen von ${repository} gefragt …`,
  fits: (repository, name, size) =>
    `Veröffentlicht: ${repository}, ${name}, ${size}. Der Größe nach würde es passen; seinen Verlust kennt Snug nicht.`,
  noneFits: (count) =>
    count === 1
      ? 'Eine Quantisierung ist veröffentlicht; sie würde nicht passen oder ist nicht kleiner.'
      : `${count} Quantisierungen sind veröffentlicht; keine davon würde passen und ist kleiner.`,
  none: (repository) => `Keine GGUF auf dem Hub sagt von sich, eine Quantisierung von ${repository} zu sein.`,
  plan: 'Damit planen',
  download: 'Herunterladen',
  gated: 'Der Besitzer fragt zuerst: Es braucht das Token eines Kontos mit Zugang.',
  all: (count) => (count === 1 ? 'Die eine, die kleiner ist' : `Alle ${count}, die kleiner sind`),
  wouldFit: 'würde passen',
  tooBig: 'zu groß',
};
