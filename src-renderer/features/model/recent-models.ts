// Models of earlier runs, newest first, each once.
import type { Experiment } from '../../../src-main/contract/history.ts';
import { nameOf } from './model-path.ts';

export interface RecentModel {
  path: string;
  name: string;
  /** Where it lies, or the hub it is on. */
  place: string;
}

const shownCount = 5;

export function recentModels(experiments: readonly Pick<Experiment, 'model'>[]): RecentModel[] {
  const paths = [...new Set(experiments.map(({ model }) => model))].slice(0, shownCount);
  return paths.map((path) => {
    const name = nameOf(path);
    return { path, name, place: path.slice(0, path.length - name.length).replace(/(?<=.)[\\/:]$/, '') };
  });
}
