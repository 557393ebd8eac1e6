// Where models of a hub are kept: OWNER--NAME in models/hub of the user data, or in the folder that the user set, with
//   refs/REVISION           the commit that the revision was when it was asked last
//   COMMIT/files.json       what the commit holds
//   COMMIT/NAME/...         its files, each there only when it is complete and checked
// The folder of files has the repository's name, because converters take a model's name from its folder.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import type { HubAddress } from '../../contract/hub-address.ts';
import { hubFile, type HubFile } from './hub-file.ts';

const commitForm = /^[0-9a-f]{40}$/;

export const isCommit = (revision: string): boolean => commitForm.test(revision);

export class HubStore {
  readonly #folder: string;

  /** @param folder of all models */
  constructor(folder: string, { owner, name }: HubAddress) {
    this.#folder = path.join(folder, `${owner}--${name}`);
  }

  /** The folder of a commit's files. */
  folder({ name }: HubAddress, commit: string): string {
    return path.join(this.#folder, commit, name);
  }

  /** The commit that a revision was when it was asked last, or null. */
  async knownCommit(revision: string): Promise<string | null> {
    if (isCommit(revision)) return revision;
    const text = await readFile(this.#ref(revision), 'utf8').catch(() => '');
    return isCommit(text.trim()) ? text.trim() : null;
  }

  /** The files of a commit that was listed before, or null. */
  async knownFiles(commit: string): Promise<HubFile[] | null> {
    const text = await readFile(this.#list(commit), 'utf8').catch(() => null);
    if (text === null) return null;
    try {
      return z.array(hubFile).parse(JSON.parse(text));
    } catch {
      return null; // torn by a crash: the list is asked for again
    }
  }

  async keep(revision: string, commit: string, files: readonly HubFile[]): Promise<void> {
    await writeWhole(this.#list(commit), JSON.stringify(files));
    if (!isCommit(revision)) await writeWhole(this.#ref(revision), commit);
  }

  #ref(revision: string): string {
    return path.join(this.#folder, 'refs', encodeURIComponent(revision));
  }

  #list(commit: string): string {
    return path.join(this.#folder, commit, 'files.json');
  }
}

/** Writes a small file so that readers see all of it or the one before. */
async function writeWhole(file: string, text: string): Promise<void> {
  const next = `${file}.${process.pid}.${(writes += 1)}`;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(next, text);
    await rename(next, file);
  } catch (error) {
    throw AppError.from(error);
  }
}

let writes = 0;
