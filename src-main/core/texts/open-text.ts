// Opens what a user names as a text (contract, TEXT): a built-in name, a file, a folder of files, or rows of token ids.
// Built-in texts are the folders `calibration` and `evaluation` beside each other; texts are read whole, bytes unchanged.
import { createHash } from 'node:crypto';
import { readFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError, malformed } from '../../contract/errors.ts';
import { builtInTextNames } from '../../contract/recipe-paths.ts';
import type { TextList } from '../../contract/results.ts';
import { joinItems, paragraphs } from './items.ts';
import { readJsonLines, shown } from './json-lines.ts';
import { readTokenRows } from './token-rows.ts';

interface TextIdentity {
  name: string;
  /** Of the file's bytes; of a folder: of its files' bytes one after the other, sorted by name. */
  sha256: string;
  bytes: number;
}

/** A text of items (UTF-8 bytes) or of rows of token ids. */
export type OpenedText =
  | (TextIdentity & {
      items: Uint8Array[];
      /** The text in one piece: a plain file unchanged; records and the files of a folder with a blank line between. */
      joined: Uint8Array;
      rows: null;
    })
  | (TextIdentity & { items: []; joined: null; rows: Int32Array[] });

const builtInTexts = [
  {
    name: 'calibration',
    purpose: 'calibration',
    description:
      'Prose, dialogue, letters, instructions, encyclopaedia articles, several languages, code, markup and mathematics.',
  },
  {
    name: 'evaluation',
    purpose: 'evaluation',
    description: 'Other texts of the same kinds; no paragraph of it is in the calibration text.',
  },
] as const satisfies { name: (typeof builtInTextNames)[number]; purpose: string; description: string }[];

const builtInNames: readonly string[] = builtInTextNames;
const plainExtensions: readonly string[] = ['.txt', '.utf8', '.raw'];
const readable = '.txt, .utf8, .raw, .jsonl, .tokens.json or a folder of text files';

/** Texts are held in memory several times over; nothing needs more than this. */
const largestText = 2 ** 29;

/**
 * Opens a text by built-in name or path.
 * @throws FILE_NOT_FOUND, FILE_MALFORMED (with the line), USAGE for a file that is no text.
 */
export async function openText(nameOrPath: string, textsFolder: string): Promise<OpenedText> {
  const isBuiltIn = builtInNames.includes(nameOrPath);
  const location = isBuiltIn ? path.join(textsFolder, nameOrPath) : nameOrPath;
  const found = await stat(location).catch((error: unknown) => {
    throw notFound(nameOrPath, error);
  });
  const name = isBuiltIn ? nameOrPath : path.basename(path.resolve(location));
  if (found.isDirectory()) return openFolder(name, location);
  const content = await readWhole(location);
  if (name.toLowerCase().endsWith('.tokens.json')) {
    return {
      name,
      sha256: sha256(content),
      bytes: content.length,
      items: [],
      joined: null,
      rows: readTokenRows(content, location),
    };
  }
  return { name, sha256: sha256(content), bytes: content.length, ...readItems(content, location), rows: null };
}

/** The built-in texts, for `snug texts`. */
export async function listTexts(textsFolder: string): Promise<TextList> {
  const texts = await Promise.all(
    builtInTexts.map(async (builtIn) => {
      const { bytes, sha256: sum } = await openText(builtIn.name, textsFolder);
      return { ...builtIn, bytes, sha256: sum };
    }),
  );
  return { texts };
}

async function openFolder(name: string, folder: string): Promise<OpenedText> {
  const entries = await readdir(folder, { withFileTypes: true });
  const files = entries
    .filter((entry) => !entry.isDirectory() && isTextFile(entry.name))
    .map((entry) => path.join(folder, entry.name));
  if (files.length === 0) {
    throw new AppError('FILE_NOT_FOUND', `${folder} holds no text: expected .txt, .utf8, .raw or .jsonl files.`, {
      path: folder,
    });
  }
  const contents: Uint8Array[] = [];
  for (const file of files.sort()) contents.push(await readWhole(file));
  const parts = contents.map((content, index) => readItems(content, files[index]!));
  return {
    name,
    sha256: sha256(...contents),
    bytes: contents.reduce((sum, content) => sum + content.length, 0),
    items: parts.flatMap((part) => part.items),
    joined: joinItems(parts.map((part) => part.joined)),
    rows: null,
  };
}

function isTextFile(file: string): boolean {
  const extension = path.extname(file).toLowerCase();
  return extension === '.jsonl' || plainExtensions.includes(extension);
}

function readItems(content: Uint8Array, file: string): { items: Uint8Array[]; joined: Uint8Array } {
  if (!isTextFile(file))
    throw new AppError('USAGE', `${file} is no text that Snug reads: expected ${readable}.`, { path: file });
  if (path.extname(file).toLowerCase() === '.jsonl') {
    const items = readRecords(content, file);
    return { items, joined: joinItems(items) };
  }
  const [first, second] = content;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw malformed(file, 'the first two bytes', {
      expected: 'UTF-8 text',
      actual: 'the mark of UTF-16; save the file as UTF-8',
    });
  }
  return { items: paragraphs(content), joined: content };
}

/** The `text` fields that are not blank. */
function readRecords(content: Uint8Array, file: string): Uint8Array[] {
  const items: Uint8Array[] = [];
  for (const { where, value } of readJsonLines(content, file)) {
    if (typeof value['text'] !== 'string') {
      throw malformed(file, where, { expected: 'a string field "text"', actual: shown(value['text']) });
    }
    if (value['text'].trim() !== '') items.push(new TextEncoder().encode(value['text']));
  }
  return items;
}

async function readWhole(file: string): Promise<Uint8Array> {
  const { size } = await stat(file);
  if (size > largestText) {
    throw new AppError(
      'USAGE',
      `${file} has ${size} bytes; texts of up to ${largestText} bytes are read. Give a part of it.`,
      { path: file, bytes: size },
    );
  }
  return new Uint8Array(await readFile(file));
}

function sha256(...contents: Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const content of contents) hash.update(content);
  return hash.digest('hex');
}

function notFound(nameOrPath: string, cause: unknown): AppError {
  const message = `There is no text "${nameOrPath}": it is neither a file or folder nor a built-in text (${builtInNames.join(', ')}).`;
  return new AppError('FILE_NOT_FOUND', message, { path: nameOrPath, builtIn: [...builtInNames] }, cause);
}
