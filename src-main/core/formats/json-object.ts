// JSON from files that are not trusted: bounded in size, an object at the top, and no key twice, of which
// JSON.parse would silently keep the last.
import { readFile, stat } from 'node:fs/promises';
import { AppError, malformed } from '../../contract/errors.ts';

export type JsonObject = Record<string, unknown>;

/** The index of the largest models has about 10 MB; a config has a few kB. */
export const longestFile = 100_000_000;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads a whole file as one JSON object. @throws FILE_NOT_FOUND, FILE_MALFORMED */
export async function readJsonFile(path: string): Promise<JsonObject> {
  try {
    const { size } = await stat(path);
    if (size > longestFile)
      throw malformed(path, 'file', { expected: `at most ${longestFile} bytes`, actual: `${size} bytes` });
    return parseJsonObject(path, 'file', await readFile(path));
  } catch (error) {
    throw AppError.from(error);
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Parses `bytes` as one JSON object. @throws FILE_MALFORMED naming `where` in `file` */
export function parseJsonObject(file: string, where: string, bytes: Uint8Array): JsonObject {
  let text: string;
  let value: unknown;
  try {
    text = decoder.decode(bytes);
    value = JSON.parse(text);
  } catch (error) {
    throw malformed(file, where, {
      expected: 'JSON in UTF-8',
      actual: error instanceof Error ? error.message : String(error),
    });
  }
  if (!isJsonObject(value)) {
    throw malformed(file, where, {
      expected: 'a JSON object',
      actual: Array.isArray(value) ? 'an array' : String(value),
    });
  }
  const key = duplicateKey(text);
  if (key !== null) throw malformed(file, where, { expected: 'each key once', actual: `"${key}" twice`, key });
  return value;
}

/** Index of the quote that closes the string whose opening quote is at `start`, in valid JSON. */
function closingQuote(text: string, start: number): number {
  let end = start;
  for (;;) {
    end = text.indexOf('"', end + 1);
    let backslashes = 0;
    while (text[end - 1 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
}

/** The first key that stands twice in one object of valid JSON, or null. Escapes are resolved before comparing. */
export function duplicateKey(text: string): string | null {
  /** Keys of the objects around the current place; null for an array. */
  const stack: (Set<string> | null)[] = [];
  let isKeyNext = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (character === '{' || character === '[') {
      stack.push(character === '{' ? new Set() : null);
      isKeyNext = character === '{';
    } else if (character === '}' || character === ']') {
      stack.pop();
    } else if (character === ',') {
      isKeyNext = stack.at(-1) !== null;
    } else if (character === '"') {
      const end = closingQuote(text, index);
      if (isKeyNext) {
        const key = JSON.parse(text.slice(index, end + 1)) as string;
        const keys = stack.at(-1)!;
        if (keys.has(key)) return key;
        keys.add(key);
        isKeyNext = false;
      }
      index = end;
    }
  }
  return null;
}
