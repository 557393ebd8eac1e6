// What is made of the rows of a study, on the command line and in the window: a table for other programs, the front.
import { csvLine } from './csv.ts';

/** Rows as CSV: a line of names, then one a row. Fields of fields have names with a dot. */
export function rowsAsCsv(rows: readonly object[]): string {
  const flat = rows.map((row) => Object.fromEntries(cellsOf(row)));
  const names = Object.keys(flat[0] ?? {});
  return [names, ...flat.map((row) => names.map((name) => row[name] ?? ''))].map(csvLine).join('\n');
}

function cellsOf(row: object): [name: string, cell: string][] {
  return Object.entries(row).flatMap(([name, value]: [string, object | string | number | boolean | null]) =>
    typeof value === 'object' && value !== null
      ? cellsOf(value).map(([below, cell]): [string, string] => [`${name}.${below}`, cell])
      : [[name, value === null ? '' : value.toString()] satisfies [string, string]],
  );
}

/** The rows that no other row beats: none is as small and loses less, or as good and smaller. */
export function frontOf<Row extends { fileBytes: number; kld: number }>(rows: readonly Row[]): Set<Row> {
  const beats = (a: Row, b: Row): boolean =>
    a.fileBytes <= b.fileBytes && a.kld <= b.kld && (a.fileBytes < b.fileBytes || a.kld < b.kld);
  return new Set(rows.filter((row) => !rows.some((other) => beats(other, row))));
}
