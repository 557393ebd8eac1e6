// Refuses figures on text that calibration has seen: they would flatter the result (method 6).
// Words are compared, not layout: every run of ASCII whitespace counts as one space, so other line ends hide nothing.
import { AppError } from '../../contract/errors.ts';
import type { OpenedText } from './open-text.ts';

/** Paragraphs shorter than this (headings, list items, short answers) may be the same in any two texts. */
const smallestProbe = 60;

/** A quotation or a licence text may be shared; more than one paragraph in twenty is the same source. */
const largestShare = 0.05;

/**
 * Passes unless the evaluation text is one of the calibration texts, or more than 5% of its paragraphs of at least 60
 * bytes begin with 60 bytes that a calibration text has too (rows of token ids: more than 5% of the rows are the same).
 * @throws TEXT_REUSED with the share found.
 */
export function refuseReuse(evaluation: OpenedText, calibrations: OpenedText[], allowSame: boolean): void {
  if (allowSame) return;
  for (const calibration of calibrations) {
    if (calibration.sha256 === evaluation.sha256)
      throw reused(evaluation.name, calibration.name, 'they are the same text');
    const { shared, of } =
      evaluation.rows === null
        ? sharedParagraphs(evaluation.items, calibration)
        : sharedRows(evaluation.rows, calibration);
    if (shared > largestShare * of) {
      throw reused(
        evaluation.name,
        calibration.name,
        `${shared} of ${of} ${evaluation.rows === null ? 'paragraphs' : 'rows'} occur in both`,
        { shared, of },
      );
    }
  }
}

interface Overlap {
  shared: number;
  of: number;
}

function sharedParagraphs(items: Uint8Array[], calibration: OpenedText): Overlap {
  const probes = items
    .map(words)
    .filter((text) => text.length >= smallestProbe)
    .map((text) => text.slice(0, smallestProbe));
  if (calibration.joined === null) return { shared: 0, of: probes.length };
  const missing = new Set(probes);
  const found = new Set<string>();
  const text = words(calibration.joined);
  // A paragraph begins at the start of a word, so only those places can hold a probe.
  for (let start = 0; start !== -1 && missing.size > 0; start = nextWord(text, start)) {
    const piece = text.slice(start, start + smallestProbe);
    if (missing.delete(piece)) found.add(piece);
  }
  return { shared: probes.filter((probe) => found.has(probe)).length, of: probes.length };
}

function nextWord(text: string, from: number): number {
  const space = text.indexOf(' ', from);
  return space === -1 ? -1 : space + 1;
}

/** One character a byte, whitespace runs as one space. Not `trim`: it would also take 0xA0, which is half of a character. */
function words(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .toString('latin1')
    .replace(/[\t-\r ]+/g, ' ')
    .replace(/^ | $/g, '');
}

function sharedRows(rows: Int32Array[], calibration: OpenedText): Overlap {
  const known = new Set(calibration.rows?.map(String));
  return { shared: rows.filter((row) => known.has(String(row))).length, of: rows.length };
}

function reused(text: string, calibration: string, reason: string, details: object = {}): AppError {
  const message =
    `The text "${text}" cannot judge a model calibrated on "${calibration}": ${reason}. ` +
    'Choose another --text, or give --allow-same-text to measure on it all the same.';
  return new AppError('TEXT_REUSED', message, { text, calibration, ...details });
}
