// The plots of a study: which rows are which points, what the axes are, and the same as a table.
import { frontOf } from '../../../src-main/contract/study-rows.ts';
import type { CombinationRow, SpeedRow, SparsityRow, StudyRow, StudyRows } from '../../../src-main/contract/study.ts';
import type { ChartPoint, PointMark, PointPlot, PointSeries } from '../../ui/charts/point-layout.ts';
import { formatCount, formatFileSize, formatTick, withError } from '../../words/numbers.ts';
import { useWords } from '../../words/words.ts';
import { cutShare } from './figures.ts';

const words = useWords();

export const measures = ['kld', 'perplexity'] as const;
export type Measure = (typeof measures)[number];
export const axes = ['share', 'size'] as const;
export type Axis = (typeof axes)[number];

export interface StudyPlot {
  title: string;
  hint: string;
  summary: string;
  plot: PointPlot;
  xTitle: string;
  yTitle: string;
  frontName?: string;
  formatX: (value: number) => string;
  formatY: (value: number) => string;
  columns: string[];
  rows: string[][];
}

/** What the user may choose to see. */
export interface PlotChoice {
  measure: Measure;
  axis: Axis;
}

/** Choices that make a difference for a kind. */
export const choicesOf = (kind: StudyRows['kind']): { measure: boolean; axis: boolean } => ({
  measure: kind !== 'speed' && kind !== 'combination',
  axis: kind === 'sparsity',
});

/** None where there are no rows yet. */
export function plotsOf(study: StudyRows, choice: PlotChoice): StudyPlot[] {
  if (study.rows.length === 0) return [];
  switch (study.kind) {
    case 'sparsity':
      return [sparsityPlot(study.rows, choice)];
    case 'calibration-size': {
      const { samples: title, xSamples: xTitle } = words.studies.plots;
      const points = study.rows.map((row) => pointOf(row, row.samples, formatCount(row.samples), choice.measure));
      const series = [seriesOf(words.studies.plots.rows, 'dot', points)];
      const ticks = study.rows.map(({ samples }) => samples);
      return [
        lossPlot({ title, xTitle, measure: choice.measure, plot: { series, x: 'log', ticks }, formatX: formatCount }),
      ];
    }
    case 'pca-precision': {
      const { precision: title, xPrecision: xTitle } = words.studies.plots;
      const names = study.rows.map(({ value }): string => value);
      const points = study.rows.map((row, index) => pointOf(row, index, row.value, choice.measure));
      const series = [seriesOf(words.studies.plots.rows, choice.measure === 'kld' ? 'bar' : 'dot', points)];
      const plot = { series, x: 'names', ticks: names.map((_name, index) => index) } as const;
      const formatX = (index: number): string => names[index] ?? '';
      return [lossPlot({ title, xTitle, measure: choice.measure, plot, formatX })];
    }
    case 'speed':
      return [speedPlot(study.rows, 'prefill'), speedPlot(study.rows, 'decode')];
    case 'combination':
      return [combinationPlot(study.rows)];
  }
}

function sparsityPlot(rows: readonly SparsityRow[], { measure, axis }: PlotChoice): StudyPlot {
  const { constant, variance, sparsity, size, xShare, xSize } = words.studies.plots;
  const series = (['constant', 'variance'] as const).flatMap((scheduler) => {
    const own = rows.filter((row) => row.scheduler === scheduler);
    if (own.length === 0) return [];
    const points = own.map((row) =>
      axis === 'share'
        ? pointOf(row, row.sparsity, cutShare(row.sparsity), measure)
        : pointOf(row, row.fileBytes, formatFileSize(row.fileBytes), measure),
    );
    return [
      seriesOf(scheduler === 'constant' ? constant : variance, scheduler === 'constant' ? 'dot' : 'square', points),
    ];
  });
  const isShare = axis === 'share';
  return lossPlot({
    ...{ title: isShare ? sparsity : size, xTitle: isShare ? xShare : xSize, measure },
    plot: { series, x: 'linear' },
    formatX: isShare ? cutShare : formatFileSize,
  });
}

const seriesOf = (name: string, mark: PointMark, points: ChartPoint[]): PointSeries => ({ name, mark, points });

/** A row by one of its measures, with its standard error. */
function pointOf(row: StudyRow, x: number, name: string, measure: Measure): ChartPoint {
  const [y, error] = [row[measure], row[`${measure}StandardError`]];
  return { x, y, low: y - error, high: y + error, text: `${name} · ${withError(y, error)}` };
}

interface LossPlot {
  title: string;
  xTitle: string;
  measure: Measure;
  plot: Omit<PointPlot, 'y'>;
  formatX: (value: number) => string;
}

/** Loss has a zero: nothing is lost. Perplexity has none that means anything. */
function lossPlot({ measure, plot, ...rest }: LossPlot): StudyPlot {
  const { plots } = words.studies;
  const yTitle = measure === 'kld' ? plots.loss : plots.perplexity;
  return {
    ...rest,
    ...{ hint: plots.hint, summary: plots.hint, yTitle, formatY: formatTick },
    plot: { ...plot, y: measure === 'kld' ? 'zero' : 'near' },
    ...tableOf(plot.series, rest.xTitle, yTitle),
  };
}

/** `20% · 0.21 ± 0.01` has both figures of a point. */
function tableOf(series: readonly PointSeries[], xTitle: string, yTitle: string): Pick<StudyPlot, 'columns' | 'rows'> {
  const named = series.length > 1;
  const rows = series.flatMap(({ name, points }) =>
    points.map(({ text }) => [...(named ? [name] : []), ...text.split(' · ')]),
  );
  return { columns: [...(named ? [words.studies.plots.rows] : []), xTitle, yTitle], rows };
}

function speedPlot(rows: readonly SpeedRow[], what: 'prefill' | 'decode'): StudyPlot {
  const { plots } = words.studies;
  const series = (['dense', 'sliced'] as const).flatMap((model) => {
    const own = rows.filter((row) => row.model === model);
    const points = own.map(({ value, spread, [`${what}TokensPerSecond` as const]: speed }): ChartPoint => {
      const text = `${formatCount(value)} · ${withError(speed, spread * speed)}`;
      return { x: value, y: speed, low: Math.max(0, speed * (1 - spread)), high: speed * (1 + spread), text };
    });
    return points.length === 0 ? [] : [seriesOf(plots[model], model === 'dense' ? 'square' : 'dot', points)];
  });
  const ticks = [...new Set(rows.map(({ value }) => value))];
  return {
    ...{
      title: plots[what],
      hint: plots.speedHint,
      summary: plots.speedHint,
      xTitle: plots.xTexts,
      yTitle: plots.yTokens,
    },
    plot: { series, x: 'log', y: 'zero', ticks },
    ...{ formatX: formatCount, formatY: formatCount },
    ...tableOf(series, plots.xTexts, plots.yTokens),
  };
}

function combinationPlot(rows: readonly CombinationRow[]): StudyPlot {
  const { plots } = words.studies;
  const front = frontOf(rows);
  const points = new Map(rows.map((row) => [row, combinationPoint(row, front.has(row))]));
  const pointsOf = (own: readonly CombinationRow[]): ChartPoint[] => own.map((row) => points.get(row)!);
  const cut = rows.filter(({ width, sparsity }) => width > 0 && sparsity > 0);
  const whole = rows.filter((row) => !cut.includes(row));
  const series = [
    ...(whole.length > 0 ? [seriesOf(plots.plain, 'dot', pointsOf(whole))] : []),
    ...(cut.length > 0 ? [seriesOf(plots.cutAndQuantised, 'square', pointsOf(cut))] : []),
  ];
  const yTitle = plots.logScale(plots.loss);
  return {
    ...{ title: plots.combination, hint: plots.hint, summary: plots.smaller, xTitle: plots.xSize, yTitle },
    plot: { series, x: 'linear', y: 'log', front: pointsOf([...front].toSorted((a, b) => a.fileBytes - b.fileBytes)) },
    ...{ frontName: plots.front, formatX: formatFileSize, formatY: formatTick },
    columns: [plots.rows, plots.xSize, plots.loss],
    rows: rows.map((row) => [
      combinationName(row),
      formatFileSize(row.fileBytes),
      withError(row.kld, row.kldStandardError),
    ]),
  };
}

/** `Q4_K_M`, `20% Q4_K_M`. */
export const combinationName = ({ sparsity, type }: CombinationRow): string =>
  sparsity > 0 ? `${cutShare(sparsity)} ${type}` : type;

function combinationPoint(row: CombinationRow, isOnFront: boolean): ChartPoint {
  const { kld: y, kldStandardError: error, fileBytes } = row;
  const name = combinationName(row);
  const text = `${name} · ${formatFileSize(fileBytes)} · ${withError(y, error)}`;
  return { x: fileBytes, y, low: y - error, high: y + error, text, label: isOnFront ? name : '' };
}
