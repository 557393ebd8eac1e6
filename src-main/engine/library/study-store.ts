// Finished rows of studies in the user data, one file per row: studies/FINGERPRINT/KEY.json. A run that is stopped loses
// the row it was making and no other; two runs of one study never write into one file.
import { createHash } from 'node:crypto';
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

interface StoreOptions {
  /** Rows of earlier runs are not found; each stays until it is kept anew. */
  again: boolean;
  /** Told of a file that was put aside. */
  warn: (warning: string) => void;
}

export class StudyStore {
  readonly #folder: string;
  readonly #options: StoreOptions;
  /** Keys of the rows that this run has made. */
  readonly #made = new Set<string>();

  constructor(home: string, fingerprint: string, options: StoreOptions) {
    this.#folder = path.join(home, 'studies', fingerprint);
    this.#options = options;
  }

  /** A finished row; one whose file is damaged counts as none, and its file is put aside. @throws FILE_NOT_FOUND where it cannot be opened */
  async find(key: string): Promise<KeptRow | null> {
    if (this.#options.again && !this.#made.has(key)) return null;
    const file = this.#fileOf(key);
    const text = await readIfThere(file);
    if (text === null) return null;
    const kept = parsed(text);
    if (kept?.key === key) return kept;
    await this.#putAside(file);
    return null;
  }

  /** Keeps a row in the place of an earlier one. @throws NOT_WRITABLE, DISK_FULL */
  async keep(row: KeptRow): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true });
      await replaceFile(this.#fileOf(row.key), JSON.stringify(row));
    } catch (error) {
      throw AppError.from(error);
    }
    this.#made.add(row.key);
  }

  #fileOf(key: string): string {
    return path.join(this.#folder, `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`);
  }

  async #putAside(file: string): Promise<void> {
    const aside = `${file}.damaged-${new Date().toISOString().replaceAll(':', '-')}`;
    await rename(file, aside).catch((error: unknown) => {
      throw AppError.from(error);
    });
    this.#options.warn(`A finished row of this study could not be read, and is made again; its file is now ${aside}.`);
  }
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw AppError.from(error);
  }
}

function parsed(text: string): KeptRow | null {
  try {
    return entry.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** The file has either what it had or all of `text`, whenever the process ends. */
async function replaceFile(file: string, text: string): Promise<void> {
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
