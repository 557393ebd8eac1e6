// Der Rahmen um jeden Bildschirm.
import type { Words } from '../en.ts';

export const frame: Words['frame'] = {
  areas: {
    fit: 'Anpassen',
    runs: 'Läufe',
    history: 'Verlauf',
    models: 'Modelle',
    studies: 'Studien',
    settings: 'Einstellungen',
  },
  areasLabel: 'Bereiche',
  runGoesOn: 'ein Lauf ist im Gange',
  goTo: (area) => `Gehe zu ${area}`,
  back: 'Zurück',
  close: 'Schließen',
  palette: {
    title: 'Befehle',
    open: 'Alle Befehle',
    placeholder: 'Was möchtest du tun?',
    nothing: 'So heißt kein Befehl.',
  },
  drop: 'Loslassen zum Öffnen',
  refusedDrop: {
    several: {
      title: 'Ein Modell auf einmal',
      message: 'Es waren mehrere Dateien, und nichts wurde geöffnet.',
      advice:
        'Zieh eine Datei oder den Ordner herein. Von einem Modell in Teilen genügt eine: die anderen liegen daneben.',
    },
    kind: {
      title: 'Das ist kein Modell',
      message: 'Nichts wurde geöffnet: ein Modell ist eine .gguf-, .safetensors- oder .onnx-Datei, oder ein Ordner.',
      advice: null,
    },
  },
  startingEngine: 'Die Engine startet …',
  status: {
    label: 'Status',
    lookingForCards: 'Grafikkarten werden gesucht',
    card: (name, total, free) => `${name} · ${total}, ${free} frei`,
    noCard: 'Hier ist keine Grafikkarte: gib die Karte ein, an die du denkst',
    engine: { starting: 'Engine startet', ready: 'Engine bereit', stopped: 'Engine beendet' },
    nodeProcess: (program) => `Ein Node-Prozess: ${program}`,
    utilityProcess: (program) => `Ein Hilfsprozess von Electron: ${program}`,
    showRun: 'Lauf zeigen',
  },
  stopped: {
    title: 'Die Engine ist stehen geblieben',
    what: (reason) => `Sie endete unerwartet (${reason}). Deine Dateien sind, wie sie waren.`,
    whatWithRun: (reason) =>
      `Sie endete unerwartet (${reason}). Deine Dateien sind, wie sie waren. Der laufende Auftrag ist angehalten; was schon fertig war, bleibt erhalten.`,
    restart: 'Engine neu starten',
    lastWords: 'Ihre letzten Worte',
  },
};
