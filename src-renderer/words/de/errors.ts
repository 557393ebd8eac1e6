// Fehler nach ihrem Code: was geschehen ist und was zu tun ist.
import type { Words } from '../en.ts';

export const errors: Words['errors'] = {
  details: 'Einzelheiten',
  byCode: {
    USAGE: { title: 'So geht das nicht', advice: null },
    FILE_NOT_FOUND: {
      title: 'Eine Datei oder ein Ordner lässt sich nicht öffnen',
      advice: 'Sieh nach, ob es noch da ist und ob du es lesen darfst.',
    },
    FILE_MALFORMED: {
      title: 'Diese Datei ist beschädigt oder nicht, was sie sein soll',
      advice: 'Besorge sie noch einmal oder nimm eine andere.',
    },
    UNSUPPORTED_ARCHITECTURE: {
      title: 'Mit diesem Modell kann Snug noch nicht arbeiten',
      advice: 'Öffne ein anderes Modell.',
    },
    UNSUPPORTED_TYPE: {
      title: 'Dieses Modell hat Tensoren eines Typs, den Snug nicht lesen kann',
      advice: 'Öffne eine andere Fassung davon, zum Beispiel F16 oder Q8_0.',
    },
    NON_FINITE: {
      title: 'Das Modell enthält Zahlen, die nicht endlich sind',
      advice: 'Wahrscheinlich ist die Datei beschädigt: lade sie noch einmal herunter.',
    },
    NUMERICAL_FAILURE: {
      title: 'Eine Rechnung ist nicht aufgegangen',
      advice:
        'Nichts wurde geschrieben. Versuch es mit mehr oder anderem Kalibriertext; die Einzelheiten sagen, wo es geschah.',
    },
    TEXT_TOO_SHORT: { title: 'Der Text ist zu kurz', advice: 'Nimm einen längeren Text.' },
    TEXT_REUSED: {
      title: 'Mit diesem Text wurde schon kalibriert',
      advice: 'Miss auf einem anderen Text: einer, der schon gesehen wurde, beweist nichts.',
    },
    NOT_WRITABLE: { title: 'Snug kann dort nicht schreiben', advice: 'Nimm einen anderen Ordner.' },
    INPUTS_CHANGED: {
      title: 'Woran dieser Lauf arbeitet, hat sich geändert',
      advice: 'Starte ihn neu: was von seiner Kalibrierung noch gilt, wird wieder verwendet.',
    },
    OUTPUT_EXISTS: { title: 'Eine Datei mit diesem Namen gibt es schon', advice: 'Nimm einen anderen Namen.' },
    DISK_FULL: {
      title: 'Die Platte ist voll',
      advice: 'Schaff Platz oder nimm eine andere Platte. Nichts halb Geschriebenes bleibt zurück.',
    },
    OUT_OF_MEMORY: {
      title: 'Der Speicher reicht nicht',
      advice: 'Schließ andere Programme oder nimm einen kleineren Plan.',
    },
    IMPORTANCE_MISSING: {
      title: 'Dieser Typ braucht die Wichtigkeit der Gewichte',
      advice: 'Kalibriere zuerst oder nimm einen anderen Plan.',
    },
    IMPORTANCE_MISMATCH: {
      title: 'Die Wichtigkeiten gehören zu einem anderen Modell',
      advice: 'Nimm die Datei, die aus diesem Modell entstanden ist.',
    },
    DEVICE_UNAVAILABLE: { title: 'Dieses Gerät ist nicht da', advice: 'Nimm ein anderes Gerät.' },
    HUB_NOT_FOUND: {
      title: 'Das gibt es auf dem Hub nicht',
      advice: 'Prüf die Adresse. Ein privates Modell braucht ein Token: hinterlege es in den Einstellungen.',
    },
    HUB_GATED: {
      title: 'Der Hub gibt dir das nicht',
      advice: 'Bitte auf der Seite des Modells um Zugang und hinterlege ein Token dieses Kontos in den Einstellungen.',
    },
    HUB_OFFLINE: {
      title: 'Nicht ohne Netz',
      advice: 'Erlaube das Netz in den Einstellungen oder starte ohne HF_HUB_OFFLINE. Dann wird einmal gefragt.',
    },
    HUB_UNAVAILABLE: {
      title: 'Der Hub antwortet nicht, wie er soll',
      advice: 'Prüf, ob dieser Rechner online ist, und die Adresse des Hubs in den Einstellungen.',
    },
    CHECKSUM_MISMATCH: {
      title: 'Geladen wurde nicht, was der Hub versprochen hat',
      advice: 'Versuch es noch einmal oder in einem anderen Netz. Nichts davon wird verwendet.',
    },
    RUNNER_NOT_FOUND: {
      title: 'Dieses Programm wurde nicht gefunden',
      advice: 'Installiere es oder starte es einmal und versuch es dann noch einmal.',
    },
    RUNNER_FAILED: {
      title: 'Das andere Programm hat es nicht getan',
      advice: 'Es wurde nichts abgelegt. Was es geschrieben hat, steht unten in den Einzelheiten.',
    },
    LINK_IMPOSSIBLE: {
      title: 'Es wäre eine zweite Kopie nötig',
      advice: 'Erlaube eine Kopie oder wähle einen Ordner auf derselben Platte.',
    },
    LLAMA_UNAVAILABLE: { title: 'llama.cpp fehlt', advice: 'Installiere Snug noch einmal.' },
    LLAMA_FAILED: {
      title: 'llama.cpp kann mit dieser Datei nicht arbeiten',
      advice: 'Öffne eine andere Fassung des Modells.',
    },
    LLAMA_CRASHED: {
      title: 'llama.cpp ist bei der Arbeit an dieser Datei stehen geblieben',
      advice: 'Deine Dateien sind, wie sie waren. Versuch einen kleineren Plan oder eine andere Fassung des Modells.',
    },
    HISTORY_DAMAGED: {
      title: 'Der Verlauf ist beschädigt',
      advice:
        'Beende Snug und starte es neu: Der Verlauf wird aus dem, was noch lesbar ist, und aus den Aufzeichnungen neben deinen Dateien neu angelegt. Die beschädigte Datei bleibt erhalten.',
    },
    PROOF_FAILED: {
      title: 'Die neue Datei hat ihren Beweis nicht bestanden',
      advice: 'Sie liegt unter einem anderen Namen da, damit du sie ansehen kannst. Verlass dich nicht auf sie.',
    },
    NATIVE_UNAVAILABLE: { title: 'Ein Teil von Snug fehlt', advice: 'Installiere Snug noch einmal.' },
    WORKER_CRASHED: {
      title: 'Ein Teil von Snug ist unerwartet stehen geblieben',
      advice: 'Deine Dateien sind, wie sie waren. Versuch es noch einmal.',
    },
    CANCELLED: { title: 'Abgebrochen', advice: null },
    INTERNAL: {
      title: 'In Snug ist etwas schiefgegangen',
      advice: 'Deine Dateien sind, wie sie waren. Die Einzelheiten unten helfen uns, es zu beheben.',
    },
  },
  missing: {
    'output folder': {
      title: 'Der Ordner, in den geschrieben werden soll, fehlt',
      advice: 'Lege ihn an oder wähle einen anderen Ort.',
    },
    model: { title: 'Das ist kein Modell', advice: 'Öffne eine andere Datei oder einen anderen Ordner.' },
  },
};
