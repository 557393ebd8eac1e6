// Aligned columns for a terminal or a pipe.
import { stripVTControlCharacters } from 'node:util';

export interface Column {
  title: string;
  align?: 'right';
  /** Cut this column first where the terminal is too narrow. */
  flexible?: boolean;
}

const gap = '  ';
const narrowest = 12;

/** Lines of a table; cells may hold colours. `width` null = as wide as needed. */
export function table(columns: Column[], rows: string[][], width: number | null): string[] {
  const titles = columns.map((column) => column.title);
  const all = titles.some((title) => title !== '') ? [titles, ...rows] : rows;
  const widths = columns.map((_, index) => Math.max(...all.map((row) => visibleLength(row[index] ?? ''))));
  if (width !== null) shrink(columns, widths, width);
  return all.map((row) =>
    row
      .map((cell, index) => pad(cell, widths[index]!, columns[index]!.align))
      .join(gap)
      .trimEnd(),
  );
}

function shrink(columns: Column[], widths: number[], width: number): void {
  const total = widths.reduce((sum, one) => sum + one, 0) + gap.length * (widths.length - 1);
  let excess = total - width;
  for (const [index, column] of columns.entries()) {
    if (column.flexible !== true || excess <= 0) continue;
    const cut = Math.min(excess, Math.max(0, widths[index]! - narrowest));
    widths[index]! -= cut;
    excess -= cut;
  }
}

function pad(cell: string, width: number, align: 'right' | undefined): string {
  const length = visibleLength(cell);
  if (length > width) return `${stripVTControlCharacters(cell).slice(0, width - 1)}…`;
  const space = ' '.repeat(width - length);
  return align === 'right' ? space + cell : cell + space;
}

function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** A name and what it is. */
export type Field = [string, string];

/** Lines of `name  value`, aligned. */
export function fields(rows: Field[]): string[] {
  return table([{ title: '' }, { title: '' }], rows, null);
}
