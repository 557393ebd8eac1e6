// The rows of a study as a table: what is shown, and what is copied as Markdown.
import { frontOf } from '../../../src-main/contract/study-rows.ts';
import type { StudyRow, StudyRows } from '../../../src-main/contract/study.ts';
import {
  formatCount,
  formatDuration,
  formatFileSize,
  formatFixed,
  formatParameters,
  formatScientific,
  formatShare,
  withError,
} from '../../words/numbers.ts';
import { useWords, type Words } from '../../words/words.ts';
import { cutShare } from './figures.ts';

const words = useWords();

type ColumnName = keyof Words['studies']['columns'];

export interface RowTable {
  columns: { title: string; hint: string | undefined }[];
  rows: string[][];
}

type Cells<Row> = readonly [name: ColumnName, cell: (row: Row) => string][];

const measured: Cells<StudyRow> = [
  ['perplexity', (row) => withError(row.perplexity, row.perplexityStandardError)],
  ['kld', (row) => withError(row.kld, row.kldStandardError)],
  ['agreement', (row) => formatShare(row.topOneAgreement)],
  ['parameters', (row) => formatParameters(row.parametersAfter)],
];
const seconds: Cells<StudyRow> = [['seconds', (row) => formatDuration(row.seconds)]];
const scientific = (value: number): string => (value === 0 ? '0' : formatScientific(value));

export function tableOf(study: StudyRows): RowTable {
  switch (study.kind) {
    case 'sparsity':
      return filled(study.rows, [
        ['cut', ({ sparsity }) => cutShare(sparsity)],
        ['widths', ({ scheduler }) => words.studies.schedulers[scheduler]],
        ...measured,
        ['size', ({ fileBytes }) => formatFileSize(fileBytes)],
        ['retained', ({ retained }) => (retained === null ? '' : formatShare(retained))],
        ['energyLost', ({ energyLost }) => formatShare(energyLost)],
      ]);
    case 'calibration-size':
      return filled(study.rows, [
        ['samples', ({ samples }) => formatCount(samples)],
        ['tokens', ({ tokens }) => formatCount(tokens)],
        ...measured,
        ['energyLost', ({ energyLost }) => formatShare(energyLost)],
      ]);
    case 'pca-precision':
      return filled(study.rows, [
        ['precision', ({ value }) => value],
        ...measured,
        ['orthogonality', ({ orthogonality }) => scientific(orthogonality)],
        ['eigenvalues', ({ eigenvalueError: { firstSite } }) => scientific(firstSite)],
        ['eigenvaluesMost', ({ eigenvalueError: { largest, site } }) => `${scientific(largest)} (${site})`],
      ]);
    case 'speed':
      return filled(study.rows, [
        ['texts', ({ value }) => formatCount(value)],
        ['model', ({ model }) => words.studies.models[model]],
        ['prefill', ({ prefillTokensPerSecond }) => formatCount(Math.round(prefillTokensPerSecond))],
        ['ofDense', ({ prefillRatio }) => `×${formatFixed(prefillRatio, 2)}`],
        ['decode', ({ decodeTokensPerSecond }) => formatFixed(decodeTokensPerSecond, 1)],
        ['ofDense', ({ decodeRatio }) => `×${formatFixed(decodeRatio, 2)}`],
        ['spread', ({ spread }) => `±${formatShare(spread)}`],
        ['kld', (row) => withError(row.kld, row.kldStandardError)],
        ['parameters', (row) => formatParameters(row.parametersAfter)],
        ['device', ({ device }) => device],
      ]);
    case 'combination': {
      const front = frontOf(study.rows);
      const sorted = study.rows.toSorted((a, b) => a.fileBytes - b.fileBytes || a.kld - b.kld);
      return filled(sorted, [
        ['cut', ({ sparsity }) => cutShare(sparsity)],
        ['type', ({ type }) => type],
        ['size', ({ fileBytes }) => formatFileSize(fileBytes)],
        ['front', (row) => (front.has(row) ? words.studies.onFront : '')],
        ...measured,
        ['width', ({ width }) => formatCount(width)],
      ]);
    }
  }
}

function filled<Row extends StudyRow>(rows: readonly Row[], own: Cells<Row>): RowTable {
  const cells = [...own, ...seconds];
  const hints: Partial<Record<ColumnName, string>> = words.studies.columnHints;
  return {
    columns: cells.map(([name]) => ({ title: words.studies.columns[name], hint: hints[name] })),
    rows: rows.map((row) => cells.map(([, cell]) => cell(row))),
  };
}

/** A table that any forge and any note takes. */
export function asMarkdown({ columns, rows }: RowTable): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = columns.map((_column, index) => (index === 0 ? '---' : '---:'));
  return [line(columns.map(({ title }) => title)), line(rule), ...rows.map(line)].join('\n');
}
