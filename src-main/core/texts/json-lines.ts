// JSON lines: one JSON object a line, blank lines skipped. A bad line is named by its number, counted from 1.
import { malformed } from '../../contract/errors.ts';

export interface JsonLine {
  /** Where the line is, for messages: `line 12`. */
  where: string;
  value: Record<string, unknown>;
}

const lineFeed = 0x0a;
const byteOrderMark = '\ufeff';
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Objects of a `.jsonl` file; `file` names it in messages.
 * @throws FILE_MALFORMED when a line is not UTF-8, not JSON or not an object.
 */
export function readJsonLines(bytes: Uint8Array, file: string): JsonLine[] {
  const lines: JsonLine[] = [];
  let start = 0;
  for (let number = 1; start < bytes.length; number++) {
    const feed = bytes.indexOf(lineFeed, start);
    const end = feed === -1 ? bytes.length : feed;
    const where = `line ${number}`;
    const text = decodeLine(bytes.subarray(start, end), file, where);
    if (text.trim() !== '') lines.push({ where, value: parseObject(text, file, where) });
    start = end + 1;
  }
  return lines;
}

/** A value as a message shows it: JSON, cut short. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function decodeLine(bytes: Uint8Array, file: string, where: string): string {
  try {
    const text = utf8.decode(bytes);
    return where === 'line 1' && text.startsWith(byteOrderMark) ? text.slice(1) : text;
  } catch {
    throw malformed(file, where, { expected: 'UTF-8 text', actual: 'other bytes' });
  }
}

function parseObject(text: string, file: string, where: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw malformed(file, where, { expected: 'JSON', actual: error instanceof Error ? error.message : String(error) });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(file, where, { expected: 'a JSON object', actual: shown(value) });
  }
  return value as Record<string, unknown>;
}
