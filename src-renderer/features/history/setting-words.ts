// The settings of a recipe in the words of the window: their groups, their names, their values.
import { formatCount, formatFileSize, formatMemory, formatPlain } from '../../words/numbers.ts';
import { planIdInWords } from '../../words/plan-words.ts';
import { useWords } from '../../words/words.ts';
import { sizeKind } from './setting-kinds.ts';

const words = useWords();

export type SettingGroup = keyof ReturnType<typeof useWords>['recipe']['groups'];

const namesPlan: ReadonlySet<string> = new Set(['plan', 'type', 'types']);
const ofTheMachine = new Set(['device', 'threads', 'maxMemoryBytes', 'offline']);

/** `calibration.samples` is of the calibration; what has no group of its own is of the run. */
export function groupOf(name: string): SettingGroup {
  if (ofTheMachine.has(name)) return 'machine';
  const group = name.slice(0, Math.max(0, name.indexOf('.')));
  return Object.hasOwn(words.recipe.groups, group) ? (group as SettingGroup) : 'run';
}

/** What it is called below the name of its group. What this Snug does not know stays as it is written. */
export function labelOf(name: string): string {
  if (groupOf(name) === 'versions') return name.slice('versions.'.length);
  return (words.recipe.names as Record<string, string>)[name] ?? name;
}

/** What it is called where it stands alone: `Calibration: Samples`. */
export function nameInWords(name: string): string {
  const group = groupOf(name);
  const isKnownAlone = group === 'run' || group === 'machine';
  return isKnownAlone ? labelOf(name) : words.recipe.inGroup(words.recipe.groups[group], labelOf(name));
}

/** What nothing means there. */
export const unsetInWords = (name: string): string =>
  (words.recipe.unsetMeans as Record<string, string>)[name] ?? words.recipe.unset;

/** One of a few values, a type or a plan. */
export function choiceInWords(name: string, value: string): string {
  if (namesPlan.has(name)) return planIdInWords(value);
  const { values } = words.recipe;
  const named: Record<string, string> | undefined = name === 'kind' ? kindNames() : (values as Named)[name];
  return named?.[value] ?? value;
}

type Named = Record<string, Record<string, string>>;

const kindNames = (): Record<string, string> =>
  Object.fromEntries(Object.entries(words.studies.kinds).map(([kind, { name }]) => [kind, name]));

export function valueInWords(recipe: Readonly<Record<string, unknown>>, name: string, value: unknown): string {
  if (value === null || (Array.isArray(value) && value.length === 0)) return unsetInWords(name);
  if (typeof value === 'boolean') return value ? words.recipe.yes : words.recipe.no;
  if (typeof value === 'string') return choiceInWords(name, value);
  if (Array.isArray(value)) return value.map((one) => choiceInWords(name, String(one))).join(', ');
  const size = typeof value === 'number' ? sizeKind(recipe, name) : null;
  if (size === null) return typeof value === 'number' ? numberInWords(name, value) : JSON.stringify(value);
  return size === 'file' ? formatFileSize(value as number) : formatMemory(value as number);
}

/** Where chance begins is a name rather than an amount. */
function numberInWords(name: string, value: number): string {
  if (name.split('.').at(-1) === 'seed') return String(value);
  return Number.isInteger(value) ? formatCount(value) : formatPlain(value);
}
