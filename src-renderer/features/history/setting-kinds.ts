// What a setting of a recipe can be, read from the recipe's own schema.
import { z } from 'zod';
import { recipe as recipeSchema, type Recipe } from '../../../src-main/contract/recipe.ts';

/** A file's size counts in GB, a card's or a run's memory in GiB. */
export type SizeKind = 'memory' | 'file';

export interface SettingKind {
  is: 'text' | 'number' | 'whole' | SizeKind | 'list' | 'switch' | 'choice' | 'fixed';
  /** Of a choice. */
  options: readonly string[];
  isNullable: boolean;
}

/** Of a setting by its dotted name. */
export function settingKind(recipe: Recipe, name: string): SettingKind {
  let found = { schema: recipeSchema as z.ZodType, isNullable: false };
  let value: unknown = recipe;
  for (const key of name.split('.')) {
    found = bare(fieldsOf(found.schema, value)[key]!);
    value = (value as Record<string, unknown>)[key];
  }
  const { schema, isNullable } = found;
  const options = schema instanceof z.ZodEnum ? schema.options.map(String) : [];
  return { is: sizeKind(recipe, name) ?? kindOf(schema), options, isNullable };
}

function kindOf(schema: z.ZodType): SettingKind['is'] {
  if (schema instanceof z.ZodLiteral) return 'fixed';
  if (schema instanceof z.ZodBoolean) return 'switch';
  if (schema instanceof z.ZodEnum) return 'choice';
  if (schema instanceof z.ZodArray) return 'list';
  if (schema instanceof z.ZodNumber) return schema.format === null ? 'number' : 'whole';
  return 'text';
}

/** Of a number of bytes; null of every other setting. */
export function sizeKind(recipe: Readonly<Record<string, unknown>>, name: string): SizeKind | null {
  if (!/bytes$/i.test(name)) return null;
  const target = recipe['target'] as { kind?: unknown } | undefined;
  return name === 'target.bytes' && target?.kind === 'file' ? 'file' : 'memory';
}

/** The fields of an object; of one in several forms those of the form that the value has. */
function fieldsOf(schema: z.ZodType, value: unknown): Record<string, z.ZodType> {
  const forms = schema instanceof z.ZodDiscriminatedUnion ? (schema.options as readonly z.ZodType[]) : [schema];
  const form = forms.find((one) => one.safeParse(value).success);
  return form instanceof z.ZodObject ? form.shape : {};
}

/** A schema without what it says of a value that is not there. */
function bare(schema: z.ZodType): { schema: z.ZodType; isNullable: boolean } {
  let [inner, isNullable] = [schema, false];
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault || inner instanceof z.ZodNullable) {
    isNullable ||= inner instanceof z.ZodNullable;
    inner = inner.unwrap() as z.ZodType;
  }
  return { schema: inner, isNullable };
}
