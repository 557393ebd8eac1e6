// The history as text: lists, one run, a comparison; CSV for other programs.
import path from 'node:path';
import type { Comparison, DeletedFiles, Experiment, ExperimentDetail, ExperimentList } from '../../contract/history.ts';
import { formatDuration, formatFileSize, formatMemory } from '../../contract/units.ts';
import { count, loss, measured, plural } from './numbers.ts';
import type { Canvas, Style } from './style.ts';
import { fields, table, type Column, type Field } from './table.ts';

const right = 'right' as const;

export function describeList(list: ExperimentList, canvas: Canvas): string[] {
  const { experiments, total } = list;
  if (total === 0) return ['No runs are kept yet, or none that this asks for.'];
  const more =
    total > experiments.length ? [`${plural(experiments.length, 'run')} of ${count(total)}: --limit shows more.`] : [];
  return [
    ...experimentTable(experiments, canvas),
    '',
    ...more,
    canvas.style.quiet('One in full: snug history show ID'),
  ];
}

/** One line a run. */
export function experimentTable(experiments: readonly Experiment[], { style, width }: Canvas): string[] {
  const columns: Column[] = [
    { title: 'run' },
    { title: 'begun' },
    { title: 'verb' },
    { title: 'model', flexible: true },
    { title: 'state' },
    { title: 'took', align: right },
    { title: 'loss', align: right },
    { title: 'file', align: right },
    { title: 'tags', flexible: true },
  ];
  const rows = experiments.map((run) => [
    run.run,
    momentOf(run.created),
    run.method === null ? run.verb : `${run.verb} ${run.method}`,
    path.basename(run.model),
    stateOf(run.state, style),
    run.seconds === null ? '' : formatDuration(run.seconds),
    run.metrics['kld'] === undefined ? '' : loss(run.metrics['kld']),
    filesOf(run),
    run.tags.join(', '),
  ]);
  return table(columns, rows, width);
}

/** `2026-11-28 16:04`, in the user's own time zone. */
function momentOf(created: string): string {
  const date = new Date(created);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

function stateOf(state: Experiment['state'], style: Style): string {
  if (state === 'done') return style.good(state);
  if (state === 'failed') return style.bad(state);
  return state === 'interrupted' || state === 'paused' ? style.careful(state) : state;
}

function filesOf({ artifacts }: Experiment): string {
  if (artifacts.length === 0) return '';
  const present = artifacts.filter((artifact) => artifact.present);
  if (present.length === 0) return 'gone';
  return formatFileSize(present.reduce((sum, { bytes }) => sum + bytes, 0));
}

export function describeDetail(run: ExperimentDetail, canvas: Canvas): string[] {
  const { style, width } = canvas;
  const metrics = run.allMetrics.map(({ name, value, standardError, context }): Figure => ({
    context,
    cells: [name, figureOf(name, value, standardError)],
  }));
  const stages = run.stages.map(({ name, seconds }) => [name, formatDuration(seconds)]);
  return [
    style.strong(`${run.verb}${run.method === null ? '' : ` ${run.method}`}: ${run.state}`),
    '',
    ...fields([
      ['run', run.run],
      ['model', run.model],
      ['begun', momentOf(run.created)],
      ...optional('took', run.seconds === null ? null : formatDuration(run.seconds)),
      ...optional('device', run.device),
      ...optional('seed', run.seed === null ? null : String(run.seed)),
      ...optional('cloned from', run.clonedFrom),
      ...optional('tags', run.tags.join(', ')),
      ...optional('note', run.note),
      [
        'versions',
        Object.entries(run.versions)
          .map(([name, version]) => `${name} ${version}`)
          .join(', '),
      ],
      ...run.artifacts.map(({ path: file, bytes, present }): Field => [
        'file',
        `${file}, ${formatFileSize(bytes)}${present ? '' : ' (gone)'}`,
      ]),
      ...run.installs.map(({ target, created, undone }): Field => [
        'exported',
        `to ${target}, ${momentOf(created)}${undone === null ? '' : ` (undone ${momentOf(undone)})`}`,
      ]),
    ]),
    ...(run.error ? ['', style.bad(`${run.error.code}: ${run.error.message}`)] : []),
    ...figureTable([{ title: 'figure' }, { title: 'value', align: right }], metrics, canvas),
    ...(stages.length > 0 ? ['', ...table([{ title: 'stage' }, { title: 'took', align: right }], stages, width)] : []),
    '',
    style.quiet('recipe'),
    ...JSON.stringify(run.recipe, null, 2).split('\n'),
  ];
}

interface Figure {
  /** What it was measured with; empty for what is counted. */
  context: string;
  cells: string[];
}

/** What figures were measured with stands once above all of them; what is counted comes first. Empty where there are none. */
function figureTable(columns: Column[], figures: readonly Figure[], { style, width }: Canvas): string[] {
  if (figures.length === 0) return [];
  const groups = [...Map.groupBy(figures, ({ context }) => context)].toSorted(
    ([a], [b]) => Number(a !== '') - Number(b !== ''),
  );
  const rows = groups.flatMap(([, found]) => found.map(({ cells }) => cells));
  const [head, ...lines] = table(columns, rows, width);
  return [
    '',
    head!,
    ...groups.flatMap(([context, found]) => [
      ...(context === '' ? [] : [style.quiet(`measured on ${context}`)]),
      ...lines.splice(0, found.length),
    ]),
  ];
}

const optional = (name: string, value: string | null): Field[] =>
  value === null || value === '' ? [] : [[name, value]];

function figureOf(name: string, value: number, standardError: number | null): string {
  if (name.endsWith('Bytes')) return formatMemory(value);
  if (standardError !== null) return measured(value, standardError);
  return Number.isInteger(value) ? count(value) : value.toPrecision(5);
}

export function describeComparison({ runs, differences, metrics }: Comparison, canvas: Canvas): string[] {
  const { style, width } = canvas;
  const perRun: Column[] = runs.map(({ run }) => ({ title: run, flexible: true }));
  const settings = differences.map(({ setting, values }) => [setting, ...values.map(valueOf)]);
  const figures = metrics.map(({ name, context, values }): Figure => ({
    context,
    cells: [name, ...values.map((value) => (value === null ? '–' : figureOf(name, value.value, value.standardError)))],
  }));
  return [
    style.strong(
      settings.length === 0 ? 'These runs have the same settings.' : `${plural(settings.length, 'setting')} differ.`,
    ),
    ...(settings.length > 0 ? ['', ...table([{ title: 'setting' }, ...perRun], settings, width)] : []),
    ...figureTable([{ title: 'figure' }, ...perRun], figures, canvas),
  ];
}

const valueOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

export function describeDeleted({ run, deleted, kept, linked }: DeletedFiles, { style }: Canvas): string[] {
  const lines = [
    ...deleted.map(({ path: file, bytes }) => `Deleted ${file}, ${formatFileSize(bytes)}.`),
    ...kept.map(({ path: file, reason }) => style.careful(`Left ${file}: ${reason}.`)),
    ...linked.map(({ path: file, target, how }) =>
      style.careful(
        how === 'symbolic'
          ? `${target} still has ${file}, a link that leads nowhere now: snug export ${run} --undo removes it.`
          : `${target} still has it as ${file}, so its bytes stay on the disk.`,
      ),
    ),
  ];
  return lines.length > 0
    ? [...lines, style.quiet('The record of the run stays.')]
    : [`${run} has no files on the disk.`];
}
