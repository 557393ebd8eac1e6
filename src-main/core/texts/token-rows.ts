// `NAME.tokens.json` = {"input_ids": [[…], …]}: rows of token ids that are used as they are, without a tokenizer.
import { malformed } from '../../contract/errors.ts';
import { shown } from './json-lines.ts';

const largestId = 2 ** 31 - 1;

/** Rows of a tokens file. @throws FILE_MALFORMED unless every row is a non-empty array of integers from 0 to 2^31 - 1. */
export function readTokenRows(bytes: Uint8Array, file: string): Int32Array[] {
  const rows = inputIds(bytes, file);
  if (rows.length === 0) throw malformed(file, 'input_ids', { expected: 'at least one row', actual: 'none' });
  return rows.map((row, index) => readRow(row, `input_ids[${index}]`, file));
}

function inputIds(bytes: Uint8Array, file: string): unknown[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw malformed(file, 'the file', {
      expected: 'JSON',
      actual: error instanceof Error ? error.message : String(error),
    });
  }
  const rows = typeof parsed === 'object' && parsed !== null && 'input_ids' in parsed ? parsed.input_ids : undefined;
  if (!Array.isArray(rows))
    throw malformed(file, 'the file', { expected: '{"input_ids": [[…], …]}', actual: 'no array input_ids' });
  return rows;
}

function readRow(row: unknown, where: string, file: string): Int32Array {
  if (!Array.isArray(row) || row.length === 0)
    throw malformed(file, where, { expected: 'a non-empty array of token ids', actual: shown(row) });
  return Int32Array.from(row, (id: unknown, index) => {
    if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= largestId) return id;
    throw malformed(file, `${where}[${index}]`, { expected: 'an integer from 0 to 2147483647', actual: shown(id) });
  });
}
