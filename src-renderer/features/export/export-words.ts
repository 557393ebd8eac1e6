// Exports in words: programs by name, how a file was placed, how far it is.
import type { Progress } from '../../../src-main/contract/progress.ts';
import type { ErrorShape } from '../../../src-main/contract/errors.ts';
import type { ExportTarget, FoundRunner, PlacedFile } from '../../../src-main/contract/runners.ts';
import type { ExportState } from '../../stores/export-store.ts';
import { formatFileSize, formatShare } from '../../words/numbers.ts';
import { runnerName } from '../../words/names.ts';
import { useWords } from '../../words/words.ts';

const words = useWords();

/** As people know the program; a folder by its path. */
export function targetName(to: ExportTarget, runners: readonly FoundRunner[]): string {
  if ('folder' in to) return to.folder;
  return runners.find(({ runner }) => runner === to.runner)?.name ?? runnerName(to.runner);
}

/** Programs on this machine first, in the order in which they are known; those that were not found apart. */
export function sortedRunners(runners: readonly FoundRunner[]): { found: FoundRunner[]; missing: FoundRunner[] } {
  return { found: runners.filter(({ found }) => found), missing: runners.filter(({ found }) => !found) };
}

/** How the model itself was placed, which is what costs space; `written` for small files only. */
export function placedHow(placed: readonly PlacedFile[]): PlacedFile['how'] {
  const model = placed.filter(({ how }) => how !== 'written').toSorted((a, b) => b.bytes - a.bytes);
  return model.find(({ how }) => how === 'model')?.how ?? model[0]?.how ?? 'written';
}

/** `A hard link: …`, with the size where the disk holds it twice. */
export function placedInWords(placed: readonly PlacedFile[]): string {
  const how = placedHow(placed);
  const bytes = placed.filter((file) => file.how === how).reduce((sum, file) => sum + file.bytes, 0);
  return words.exporting.placedHow[how](formatFileSize(bytes));
}

/** `Copying, 41%: 8.2 of 20.0 GB`; before the first message only what is being done. */
export function progressInWords(progress: Progress | null): string {
  const { stages, working } = words.exporting;
  if (progress === null) return working;
  const { stage, done, total, unit } = progress;
  const what = (stages as Partial<Record<string, string>>)[stage] ?? working;
  if (total <= 0) return what;
  const amount = unit === 'bytes' ? `, ${formatFileSize(done)} / ${formatFileSize(total)}` : '';
  return `${what}, ${formatShare(done / total)}${amount}`;
}

/** What the engine says to do next is a sentence to read, or a command to copy, which ends in no full stop. */
export const isCommand = (next: string): boolean => !next.endsWith('.');

/** The path that can be shown in the file manager; null for a model in a program's own store. */
export function shownPath(placed: readonly PlacedFile[]): string | null {
  const files = placed.filter(({ how }) => how !== 'model' && how !== 'written');
  return files[0]?.path ?? placed.find(({ how }) => how === 'written')?.path ?? null;
}

/** Where the model is that an outcome tells of; null where it tells of none. */
export function toldTarget(state: ExportState): string | null {
  if (state.state === 'done') return state.result.target;
  return state.state === 'undoing' ? state.target : null;
}

/** Of a name that is taken, what can be done here: the engine's own words are for the command line. */
export function exportError(error: ErrorShape, to: ExportTarget, runners: readonly FoundRunner[]): ErrorShape {
  const taken = error.details['output'];
  if (error.code !== 'OUTPUT_EXISTS' || typeof taken !== 'string') return error;
  const { takenIn, takenInFolder } = words.exporting;
  return { ...error, message: 'folder' in to ? takenInFolder(taken) : takenIn(taken, targetName(to, runners)) };
}

/** Another name for one that is taken: `fitted` becomes `fitted-2`, `fitted-2` becomes `fitted-3`. */
export function nextName(name: string): string {
  const numbered = /^(.*)-(\d+)$/.exec(name);
  return numbered ? `${numbered[1]!}-${Number(numbered[2]) + 1}` : `${name}-2`;
}
