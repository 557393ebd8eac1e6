// A recipe as dotted settings, in the order in which it is written.

export function flatRecipe(recipe: Readonly<Record<string, unknown>>, prefix = ''): [setting: string, value: string][] {
  return Object.entries(recipe).flatMap(([key, value]): [string, string][] => {
    const name = prefix === '' ? key : `${prefix}.${key}`;
    if (value === null || value === undefined) return [];
    if (Array.isArray(value)) return [[name, value.join(', ')]];
    if (typeof value === 'object') return flatRecipe(value as Record<string, unknown>, name);
    return [[name, typeof value === 'string' ? value : JSON.stringify(value)]];
  });
}
