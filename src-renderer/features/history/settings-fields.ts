// The settings of a recipe by dotted names: as they are, and as fields of a form, whose changes `history.clone` takes.
import type { Recipe } from '../../../src-main/contract/recipe.ts';
import { memoryText, parseCardMemory, parseFileSize } from '../target/target-draft.ts';
import { settingKind, type SettingKind } from './setting-kinds.ts';

export interface Setting {
  name: string;
  value: unknown;
}

/** Leaves of a recipe by dotted names; lists are leaves. The verb is not a setting. */
export function settingsOf(recipe: Readonly<Record<string, unknown>>): Setting[] {
  return leaves(recipe).filter(({ name }) => name !== 'verb');
}

function leaves(group: Readonly<Record<string, unknown>>, prefix = ''): Setting[] {
  return Object.entries(group).flatMap(([key, value]) => {
    const name = prefix + key;
    const isGroup = value !== null && typeof value === 'object' && !Array.isArray(value);
    return isGroup ? leaves(value as Record<string, unknown>, `${name}.`) : [{ name, value }];
  });
}

export interface SettingField {
  name: string;
  kind: SettingKind;
  /** As it is typed; of a switch `true` or `false`; empty where nothing is set. */
  text: string;
}

/** The fields of a recipe; what its verb or form decides is none. */
export function fieldsOf(recipe: Recipe): SettingField[] {
  return settingsOf(recipe)
    .map(({ name, value }) => ({ name, kind: settingKind(recipe, name), value }))
    .filter(({ kind }) => kind.is !== 'fixed')
    .map(({ name, kind, value }) => ({ name, kind, text: textOf(kind, value) }));
}

function textOf({ is }: SettingKind, value: unknown): string {
  if (value === null) return '';
  if (is === 'memory') return memoryText(Number(value));
  if (is === 'file') return `${Number(value) / 1e9} GB`;
  if (Array.isArray(value)) return value.some((item) => String(item).includes(',')) ? json(value) : value.join(', ');
  return typeof value === 'string' ? value : json(value);
}

const json = (value: unknown): string => JSON.stringify(value);

/** What was changed, by name: values as JSON. */
export function changesOf(before: readonly SettingField[], now: readonly SettingField[]): Record<string, string> {
  const old = new Map(before.map(({ name, text }) => [name, text]));
  return Object.fromEntries(
    now.filter(({ name, text }) => old.get(name) !== text).map((field) => [field.name, valueOf(field)]),
  );
}

/** What was typed, as JSON; what means nothing stays as it is, for the recipe to refuse. */
function valueOf({ kind: { is, isNullable }, text }: SettingField): string {
  const typed = text.trim();
  if (typed === '' && isNullable) return 'null';
  switch (is) {
    case 'list':
      return typed.startsWith('[')
        ? typed
        : json(
            typed
              .split(',')
              .map((item) => item.trim())
              .filter(Boolean),
          );
    case 'memory':
      return json(parseCardMemory(typed) ?? typed);
    case 'file':
      return json(parseFileSize(typed) ?? typed);
    case 'whole': // 1,000 and 1.000 are no 1
      return /^\d+$/.test(typed) ? typed : json(typed);
    case 'number':
      return typed.replace(',', '.');
    case 'switch':
      return text;
    default:
      return json(text);
  }
}
