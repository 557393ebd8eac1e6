// Zahlen und Einheiten.
import type { Words } from '../en.ts';

export const numbers: Words['numbers'] = {
  locale: 'de-DE',
  decimalMark: ',',
  million: (count) => `${count} Millionen`,
  billion: (count) => `${count} Milliarden`,
  tokens: (count) => `${count} Token`,
  tokensPerSecond: (count) => `${count} Token/s`,
  percent: (figure) => `${figure}\u202F%`,
  of: (done, total) => `${done} von ${total}`,
  ofTokens: (done, total) => `${done} von ${total} Token`,
  filesAndMemory: 'Dateien zählen in GB (1000³), Speicher in GiB (1024³).',
};
