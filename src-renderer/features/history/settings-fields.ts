// The settings of a recipe by dotted names, as text that can be read and changed: what `history.clone` takes.
export interface SettingField {
  name: string;
  /** As JSON, but text without its quotes. */
  text: string;
}

/** Leaves of a recipe by dotted names; lists are leaves. The verb is not a setting. */
export function settingsOf(recipe: Readonly<Record<string, unknown>>): SettingField[] {
  return leaves(recipe).filter(({ name }) => name !== 'verb');
}

function leaves(group: Readonly<Record<string, unknown>>, prefix = ''): SettingField[] {
  return Object.entries(group).flatMap(([key, value]) => {
    const name = prefix + key;
    const isGroup = value !== null && typeof value === 'object' && !Array.isArray(value);
    return isGroup ? leaves(value as Record<string, unknown>, `${name}.`) : [{ name, text: settingText(value) }];
  });
}

export const settingText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** What was changed, by name. */
export function changesOf(before: readonly SettingField[], now: readonly SettingField[]): Record<string, string> {
  const old = new Map(before.map(({ name, text }) => [name, text]));
  return Object.fromEntries(
    now.filter(({ name, text }) => old.get(name) !== text).map(({ name, text }) => [name, text]),
  );
}
