// Runners, exports and their undoing, as text.
import type { ExportResult, PlacedHow, RunnerList, UndoResult } from '../../contract/runners.ts';
import { formatFileSize } from '../../contract/units.ts';
import type { Canvas } from './style.ts';
import { table } from './table.ts';

export function describeRunners({ runners }: RunnerList, { style, width }: Canvas): string[] {
  const found = runners.filter((runner) => runner.found);
  const missing = runners.filter((runner) => !runner.found);
  const rows = found.map(({ runner, name, version, program, folder }) => [
    ...[runner, version === null ? name : `${name} ${version}`, folder ?? program ?? ''],
  ]);
  const columns = [{ title: '--to' }, { title: 'program' }, { title: 'where', flexible: true }];
  return [
    ...(found.length > 0 ? table(columns, rows, width) : ['No program that runs models was found.']),
    '',
    ...found.map(({ name, placement }) => `${name}: ${placement}.`),
    ...(missing.length > 0 ? [style.careful(`Not found: ${missing.map(({ name }) => name).join(', ')}.`)] : []),
    style.quiet('A folder takes a model too: snug export RUN|FILE --to FOLDER'),
  ];
}

const words: Record<PlacedHow, string> = {
  hard: 'hard link',
  symbolic: 'symbolic link',
  copy: 'copy',
  written: 'written',
  model: 'model',
};

export function describeExport({ target, placed, already, next, notes }: ExportResult, { style }: Canvas): string[] {
  const verdict = placed.length === 0 ? `Nothing has to be placed for ${target}.` : `Placed in ${target}.`;
  const rows = placed.map(({ path: file, how, bytes }) => [words[how], formatFileSize(bytes), file]);
  const columns = [{ title: '' }, { title: '', align: 'right' as const }, { title: '' }];
  return [
    style.strong(already && placed.length > 0 ? `It is in ${target} already.` : verdict),
    ...(rows.length > 0 ? ['', ...table(columns, rows, null)] : []),
    '',
    ...notes.map((note) => style.careful(note)),
    `Next: ${next}`,
  ];
}

export function describeUndo({ undone }: UndoResult, { style }: Canvas): string[] {
  return undone.flatMap(({ target, removed, left }) => [
    style.strong(`Taken out of ${target}:`),
    ...removed.map(({ path: file, how }) => `Removed ${file} (${words[how]}).`),
    ...left.map(({ path: file, reason }) => style.careful(`Left ${file}: ${reason}.`)),
  ]);
}
