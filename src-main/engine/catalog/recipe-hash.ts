// One number for what a recipe asks for: runs that would do the same have the same.
import { createHash } from 'node:crypto';

/** Where the result goes, how many threads make it and what is made anew for it do not change what it is. */
const withoutEffect = new Set(['output', 'force', 'again', 'threads']);

/** Hex SHA-256 of the recipe with its keys in order. */
export function recipeHash(recipe: Readonly<Record<string, unknown>>): string {
  const counted = Object.fromEntries(Object.entries(recipe).filter(([key]) => !withoutEffect.has(key)));
  return createHash('sha256')
    .update(JSON.stringify(sorted(counted)))
    .digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, part]) => [key, sorted(part)]));
}
