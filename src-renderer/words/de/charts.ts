// Schaubilder: was um sie steht, und Stellen eines Modells.
import type { Words } from '../en.ts';

export const charts: Words['charts'] = {
  asTable: 'Als Tabelle',
  tableOf: (title) => `${title} als Tabelle`,
  places: {
    embedding: 'Einbettung',
    attention: 'Attention',
    mlp: 'MLP',
    block: 'Block',
    head: 'Ausgabeschicht',
    sharedRotation: 'alle Schichten',
    inLayer: (layer, part) => `Schicht ${layer} · ${part}`,
  },
  place: 'Stelle',
  lost: 'Verlorene Energie',
  width: 'Breite',
  errors: {
    title: 'Fehler je Schicht',
    hint: 'An jeder Stelle, an der das Signal zwischen den Schichten schmaler wird: der Anteil seiner Energie, der wegfällt. Wenig Energie ist wenig Fehler.',
    summary: (place, lost, width) =>
      width === undefined
        ? `${place}: ${lost} der Energie fallen weg`
        : `${place}: auf ${width} geschnitten, ${lost} der Energie fallen weg`,
    legend: (first, second) => `Dunkel: ${first}. Hell: ${second}.`,
  },
  spectrum: {
    title: 'Spektrum',
    hint: 'Wie sich die Energie des Signals auf Richtungen verteilt, von der stärksten zur schwächsten, beides logarithmisch. Je steiler es fällt, desto mehr lässt sich wegschneiden.',
    summary: (share) => `die stärkste Richtung hält ${share} der Energie`,
    previous: 'Frühere Stelle',
    next: 'Spätere Stelle',
    rank: 'Richtung',
    share: 'Anteil der Energie',
    cutAt: (width, size) => `geschnitten bei ${width} von ${size}`,
  },
  memory: {
    title: 'Speicher',
    hint: 'Was der rechnende Prozess gerade im Arbeitsspeicher hält.',
    summary: (now, most) => `jetzt ${now}, höchstens ${most}`,
    time: 'Zeit',
    held: 'Gehalten',
  },
};
