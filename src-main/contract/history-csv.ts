// Runs as CSV, for other programs: the command line writes it, the window copies it.
import { csvLine } from './csv.ts';
import type { Experiment } from './history.ts';

/** A line of names, then one a run; every figure has its column. */
export function csvOf(experiments: readonly Experiment[]): string[] {
  const names = [...new Set(experiments.flatMap(({ metrics }) => Object.keys(metrics)))].sort();
  const fixed = ['run', 'verb', 'method', 'model', 'state', 'created', 'seconds', 'device', 'tags', 'note', 'files'];
  const rows = experiments.map((run) => [
    ...[run.run, run.verb, run.method, run.model, run.state, run.created, run.seconds, run.device],
    ...[run.tags.join(' '), run.note, run.artifacts.map(({ path: file }) => file).join(' ')],
    ...names.map((name) => run.metrics[name] ?? null),
  ]);
  return [[...fixed, ...names], ...rows].map(csvLine);
}
