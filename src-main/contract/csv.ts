/** One line of CSV (RFC 4180), without its end. */
export const csvLine = (cells: readonly (string | number | null)[]): string => cells.map(csvCell).join(',');

function csvCell(value: string | number | null): string {
  const text = value === null ? '' : String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
