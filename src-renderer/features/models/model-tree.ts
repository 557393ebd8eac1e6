// The library as a tree: sources, below each what was made from it, below that what was made from that.
import type { LibraryModel, ModelLibrary } from '../../../src-main/contract/history.ts';
import { formatFileSize } from '../../words/numbers.ts';
import { useWords } from '../../words/words.ts';

export interface ModelLine {
  model: LibraryModel;
  /** 0 for a source. */
  depth: number;
  /** Of everything that was made from it and is there, at any depth. */
  madeBytes: number;
  /** Models made from it that are gone and that are not listed, because there are so many. */
  unlisted: number;
}

/** Its own file, or the file of an export that still has it; null where it is gone. */
export const fileOf = ({ path, present, heldAt }: LibraryModel): string | null => (present ? path : heldAt);

/** Models that are gone are listed below what they were made from up to this many: the history has them all. */
const mostGone = 20;

/** Lines from top to bottom; with `all`, also what is gone. A model that is gone stays while something made from it is there. */
export function modelLines(models: readonly LibraryModel[], all: boolean): ModelLine[] {
  const paths = new Set(models.map(({ path }) => path));
  const children = Map.groupBy(models, ({ path, parent }) =>
    parent !== null && parent !== path && paths.has(parent) ? parent : null,
  );
  const lines: ModelLine[] = [];
  const seen = new Set<string>();

  function add(model: LibraryModel, depth: number): ModelLine | null {
    seen.add(model.path);
    const line: ModelLine = { model, depth, madeBytes: 0, unlisted: 0 };
    const place = lines.push(line);
    let gone = 0;
    for (const child of children.get(model.path) ?? []) {
      if (seen.has(child.path)) continue;
      const before = lines.length;
      const added = add(child, depth + 1);
      if (added === null) continue;
      line.madeBytes += added.madeBytes + (fileOf(child) === null ? 0 : (child.bytes ?? 0));
      const isLoneGone = fileOf(child) === null && lines.length === before + 1;
      if (isLoneGone && ++gone > mostGone) {
        lines.length = before;
        line.unlisted++;
      }
    }
    if (all || fileOf(model) !== null || lines.length > place) return line;
    lines.length = place - 1;
    return null;
  }

  for (const source of children.get(null) ?? []) add(source, 0);
  // Models that were made from each other hang on no source.
  for (const model of models) if (!seen.has(model.path)) add(model, 0);
  return lines;
}

/** What Snug's models take; where they take nothing, whether there have ever been any. */
export function libraryTitle(library: Pick<ModelLibrary, 'models' | 'madeBytes'> | null): string {
  const { use, useGone, useNothing } = useWords().models;
  if (library === null) return useNothing;
  if (library.madeBytes > 0) return use(formatFileSize(library.madeBytes));
  return library.models.some(({ madeBy }) => madeBy !== null) ? useGone : useNothing;
}
