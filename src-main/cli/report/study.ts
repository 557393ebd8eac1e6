// A study as a table: what was varied, what it cost, and what the rows have in common.
import type { CombinationRow, SpeedRow, StudyResult, StudyRow } from '../../contract/study.ts';
import { formatDuration, formatFileSize, formatMemory } from '../../contract/units.ts';
import { count, loss, measured, percent, plural } from './numbers.ts';
import { warningLines } from './quality.ts';
import type { Canvas } from './style.ts';
import { fields, table, type Column, type Field } from './table.ts';

type Cells<Row> = [title: string, cell: (row: Row) => string][];

/** Columns of one kind before and behind those of all; `common` in their place where they are not what it is about. */
interface Shape<Row> {
  title: string;
  first: Cells<Row>;
  common?: Cells<Row>;
  last: Cells<Row>;
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
      ...optional(calibration && ['calibration', samplesText(calibration)]),
      ...shared.map((sentence, index): Field => [index === 0 ? 'in common' : '', sentence]),
      ...skipped.map(({ value, reason }): Field => [`not ${value}`, reason]),
      ...optional(keptRows > 0 && ['kept', `${plural(keptRows, 'row')} of an earlier run; --again makes them again`]),
      ...optional(result.output !== null && ['written', result.output]),
      ['device', result.device],
      ['took', `${formatDuration(result.seconds)}, peak memory ${formatMemory(result.peakMemoryBytes)}`],
    ]),
    ...warningLines([...notes(result), ...result.warnings], style),
  ];
}

const optional = (field: Field | false | null): Field[] => (field ? [field] : []);
const samplesText = ({ samples, tokens }: NonNullable<StudyResult['calibration']>): string =>
  `${plural(samples, 'sample')}, ${plural(tokens, 'token')}`;

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
    case 'speed':
      return filled(result.rows, speedShape);
    case 'combination':
      return filled(result.rows, combinationShape);
  }
}

const speedShape: Shape<SpeedRow> = {
  title: 'What cutting gives in speed',
  first: [
    ['texts', ({ value }) => count(value)],
    ['model', ({ model }) => model],
    ['device', ({ device }) => device],
  ],
  common: [
    ['prompt tokens/s', ({ prefillTokensPerSecond }) => count(prefillTokensPerSecond)],
    ['of dense', ({ prefillRatio }) => `×${prefillRatio.toFixed(2)}`],
    ['new tokens/s', ({ decodeTokensPerSecond }) => decodeTokensPerSecond.toFixed(1)],
    ['of dense', ({ decodeRatio }) => `×${decodeRatio.toFixed(2)}`],
    ['spread', ({ spread }) => `±${(100 * spread).toFixed(0)} %`],
  ],
  last: [
    ['loss (KLD)', ({ kld }) => loss(kld)],
    ['parameters', ({ parametersAfter }) => count(parametersAfter)],
  ],
};

const combinationShape: Shape<CombinationRow> = {
  title: 'Slicing and quantising together',
  first: [
    ['cut', ({ sparsity }) => percent(sparsity)],
    ['width', ({ width }) => count(width)],
    ['type', ({ type }) => type],
    ['size', ({ fileBytes }) => formatFileSize(fileBytes)],
    ['front', ({ onFront }) => (onFront ? '*' : '')],
  ],
  last: [],
};

/** What the figures do not say by themselves. */
function notes(result: StudyResult): string[] {
  const { parameters } = result.dense;
  const notSmaller = result.rows.filter((row) => row.sparsity > 0 && row.parametersAfter >= parameters);
  return [
    ...(notSmaller.length > 0
      ? [
          `${plural(notSmaller.length, 'sliced row')} ${notSmaller.length === 1 ? 'has' : 'have'} no fewer parameters than the dense model: shortcut matrices, or an output layer of its own, take what slicing saves.`,
        ]
      : []),
    ...(result.kind === 'speed'
      ? [
          `the speeds are of this machine and onnxruntime, for ${result.promptTokens} prompt and ${result.decodeTokens} new tokens per text: medians of three rounds, of which one was off by the spread at most. Other runners and devices differ.`,
        ]
      : []),
    ...(result.kind === 'combination'
      ? ['* is the front: no other row is as small and loses less. Rows closer than their errors are not told apart.']
      : []),
  ];
}

const commonCells: Cells<StudyRow> = [
  ['perplexity', (row) => measured(row.perplexity, row.perplexityStandardError)],
  ['loss (KLD)', (row) => measured(row.kld, row.kldStandardError)],
  ['same word', (row) => percent(row.topOneAgreement)],
  ['parameters', (row) => count(row.parametersAfter)],
];

function filled<Row extends StudyRow>(
  all: readonly Row[],
  { title, first, last, common = commonCells }: Shape<Row>,
): { title: string; columns: Column[]; rows: string[][] } {
  const took: Cells<Row> = [['took', (row) => formatDuration(row.seconds)]];
  const shown = [...first, ...common, ...last, ...took];
  return {
    title,
    columns: shown.map(([name], index) => ({ title: name, ...(index > 0 && { align: 'right' as const }) })),
    rows: all.map((row) => shown.map(([, cell]) => cell(row))),
  };
}
