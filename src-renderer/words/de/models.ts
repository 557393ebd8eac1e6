// Die Sammlung der Modelle.
import type { Words } from '../en.ts';

export const models: Words['models'] = {
  title: 'Modelle',
  loading: 'Die Sammlung wird gelesen …',
  use: (size) => `Snugs Modelle belegen ${size}`,
  useNothing: 'Snug hat noch keine Modelle gemacht',
  useGone: 'Was Snug gemacht hat, ist nicht mehr da',
  summary: (made, sources) =>
    `${made === 1 ? '1 Modell' : `${made} Modelle`} aus ${sources === 1 ? '1 Quelle' : `${sources} Quellen`} gemacht`,
  showGone: 'Auch zeigen, was weg ist',
  sources: 'Modelle und was daraus gemacht wurde',
  columns: {
    model: 'Modell',
    size: 'Größe',
    loss: 'Verliert',
    seen: 'Gemacht oder benutzt',
    state: 'Dateien',
    actions: 'Aktionen',
  },
  source: 'von anderswo',
  madeBy: (method) => `durch ${method}`,
  present: 'da',
  exported: 'exportiert',
  exportedHint: (file) => `Die Datei des Laufs ist weg; die exportierte ist da: ${file}`,
  gone: 'weg',
  goneHint: 'Die Datei ist nicht mehr da; der Verlauf kennt den Lauf noch.',
  runs: (count) => (count === 1 ? '1 Lauf' : `${count} Läufe`),
  madeSize: (size) => `${size} daraus gemacht`,
  unlisted: (count) => `${count} weitere, die weg sind`,
  showInFolder: 'Im Ordner zeigen',
  showModel: (name) => `${name} im Ordner zeigen`,
  openRun: 'Lauf öffnen',
  openRunOf: (name) => `Lauf öffnen: ${name}`,
  deleteFiles: 'Dateien löschen …',
  deleteFilesOf: (name) => `Die Dateien von ${name} löschen`,
  fit: 'Anpassen',
  fitModel: (name) => `${name} anpassen`,
  empty: {
    title: 'Noch keine Modelle',
    lead: 'Modelle, die du öffnest und die Snug macht, stehen hier, mit ihrem Platz auf der Platte und was woraus gemacht wurde.',
  },
};
