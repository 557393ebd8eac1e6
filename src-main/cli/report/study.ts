// A study as a table: what was varied, what it cost, and what the rows have in common.
import type { StudyResult, StudyRow } from '../../contract/study.ts';
import { formatDuration, formatFileSize, formatMemory } from '../../contract/units.ts';
import { count, measured, percent, plural } from './numbers.ts';
import { warningLines } from './quality.ts';
import type { Canvas } from './style.ts';
import { fields, table, type Column } from './table.ts';

/** Columns of one kind before and behind those of all. */
interface Shape<Row> {
  title: string;
  first: [title: string, cell: (row: Row) => string][];
  last: [title: string, cell: (row: Row) => string][];
}

const exponent = (value: number): string => value.toExponential(1);

export function describeStudy(result: StudyResult, { style, width }: Canvas): string[] {
  const { dense, shared, skipped, keptRows, calibration } = result;
  const { title, columns, rows } = tableOf(result);
  return [
    style.strong(`${title}, sliced ${result.method === 'shared' ? 'by one shared rotation' : 'block by block'}.`),
    '',
    ...table(columns, rows, width),
    '',
    ...fields([
      [
        'dense',
        `perplexity ${measured(dense.perplexity, dense.standardError)}, ${count(dense.parameters)} parameters, ${formatFileSize(dense.fileBytes)}`,
      ],
      [
        'measured on',
        `${result.text}, ${plural(result.windows, 'window')} of ${count(result.windowTokens)} tokens, by Snug's own graphs`,
      ],
      ...(calibration
        ? [
            ['calibration', `${plural(calibration.samples, 'sample')}, ${plural(calibration.tokens, 'token')}`] as [
              string,
              string,
            ],
          ]
        : []),
      ...shared.map((sentence, index): [string, string] => [index === 0 ? 'in common' : '', sentence]),
      ...skipped.map(({ value, reason }): [string, string] => [`not ${value}`, reason]),
      ...(keptRows > 0
        ? [['kept', `${plural(keptRows, 'row')} of an earlier run; --force makes them again`] as [string, string]]
        : []),
      ['device', result.device],
      ['took', `${formatDuration(result.seconds)}, peak memory ${formatMemory(result.peakMemoryBytes)}`],
    ]),
    ...warningLines(result.warnings, style),
  ];
}

function tableOf(result: StudyResult): { title: string; columns: Column[]; rows: string[][] } {
  switch (result.kind) {
    case 'calibration-size':
      return filled(result.rows, {
        title: 'How much text a slice needs',
        first: [
          ['samples', ({ samples }) => count(samples)],
          ['tokens', ({ tokens }) => count(tokens)],
        ],
        last: [['energy lost', ({ energyLost }) => percent(energyLost)]],
      });
    case 'pca-precision':
      return filled(result.rows, {
        title: 'What precision of the PCA costs',
        first: [['precision', ({ value }) => value]],
        last: [
          ['|QᵀQ - I|', ({ orthogonality }) => exponent(orthogonality)],
          ['eigenvalues off', ({ eigenvalueError: { firstSite } }) => exponent(firstSite)],
          ['at most', ({ eigenvalueError: { largest, site } }) => `${exponent(largest)} (${site})`],
        ],
      });
    case 'sparsity':
      return filled(result.rows, {
        title: 'What cutting more costs',
        first: [
          ['cut', ({ sparsity }) => percent(sparsity)],
          ['widths', ({ scheduler }) => scheduler],
        ],
        last: [['variance kept', ({ retained }) => (retained === null ? '' : percent(retained))]],
      });
  }
}

function filled<Row extends StudyRow>(
  all: readonly Row[],
  { title, first, last }: Shape<Row>,
): { title: string; columns: Column[]; rows: string[][] } {
  const common: Shape<Row>['first'] = [
    ['perplexity', (row) => measured(row.perplexity, row.perplexityStandardError)],
    ['loss (KLD)', (row) => measured(row.kld, row.kldStandardError)],
    ['same word', (row) => percent(row.topOneAgreement)],
    ['parameters', (row) => count(row.parametersAfter)],
  ];
  const took: Shape<Row>['last'] = [['took', (row) => formatDuration(row.seconds)]];
  const shown = [...first, ...common, ...last, ...took];
  return {
    title,
    columns: shown.map(([name], index) => ({ title: name, ...(index > 0 && { align: 'right' as const }) })),
    rows: all.map((row) => shown.map(([, cell]) => cell(row))),
  };
}
