// Finished rows of studies in the user data, one file per study: studies/FINGERPRINT.json. A run that is stopped loses the
// row it was making, and no other.
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { perplexity } from '../../contract/results.ts';
import { AppError } from '../../contract/errors.ts';
import { claimPart, partPath, releasePart, sweepParts } from '../../core/formats/part-files.ts';

const entry = z.object({
  /** What the row is of, among all rows of its study. */
  key: z.string(),
  row: z.unknown(),
  /** Of the dense model, measured beside it. */
  dense: perplexity,
  /** Per site, of rows that others are held against. */
  eigenvalues: z.array(z.array(z.number())).nullable(),
});
export type KeptRow = z.infer<typeof entry>;
const entries = z.array(entry);

export class StudyStore {
  readonly #file: string;
  #entries: KeptRow[];

  private constructor(file: string, kept: KeptRow[]) {
    this.#file = file;
    this.#entries = kept;
  }

  /** The rows of a study; `anew` drops those that are there. A file that cannot be read counts as none. */
  static async open(home: string, fingerprint: string, { anew }: { anew: boolean }): Promise<StudyStore> {
    const file = path.join(home, 'studies', `${fingerprint}.json`);
    const store = new StudyStore(file, anew ? [] : await readRows(file));
    if (anew) await rm(file, { force: true });
    return store;
  }

  find(key: string): KeptRow | null {
    return this.#entries.find((kept) => kept.key === key) ?? null;
  }

  /** Adds a row, beside those that another run of the same study has added. @throws NOT_WRITABLE, DISK_FULL */
  async keep(row: KeptRow): Promise<void> {
    const others = [...(await readRows(this.#file)), ...this.#entries].filter(({ key }) => key !== row.key);
    this.#entries = [...new Map(others.map((kept) => [kept.key, kept])).values(), row];
    try {
      await mkdir(path.dirname(this.#file), { recursive: true });
      await replaceFile(this.#file, JSON.stringify(this.#entries));
    } catch (error) {
      throw AppError.from(error);
    }
  }
}

async function readRows(file: string): Promise<KeptRow[]> {
  try {
    return entries.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return []; // none, or of another version
  }
}

/** The file has either what it had or all of `text`, whenever the process ends. */
export async function replaceFile(file: string, text: string): Promise<void> {
  await sweepParts(file);
  const part = partPath(file);
  claimPart(part);
  try {
    await writeFile(part, text);
    await rename(part, file);
  } finally {
    releasePart(part);
    await rm(part, { force: true });
  }
}
