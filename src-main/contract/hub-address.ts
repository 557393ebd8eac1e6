// The address of a model on a hub: hub:OWNER/NAME[@REVISION][:FILE].
// Source of the characters: huggingface_hub utils/_validators.py (REPO_ID_REGEX and the rules of validate_repo_id).
import { AppError } from './errors.ts';

export interface HubAddress {
  owner: string;
  name: string;
  /** A branch, a tag or a commit. */
  revision: string;
  /** A file, a folder, or a word of a file's name such as Q4_K_M; null: whatever the repository holds. */
  file: string | null;
}

const scheme = 'hub:';
const form = 'hub:OWNER/NAME, hub:OWNER/NAME:FILE or hub:OWNER/NAME@REVISION:FILE';
const address = /^hub:([^/@:]+)\/([^/@:]+)(?:@([^:]+))?(?::(.+))?$/;
const word = /^\w(?:[\w.-]{0,94}\w)?$/;
const revisionForm = /^\w[\w./+-]*$/;

/** Whether a MODEL is meant to be on a hub, well written or not. */
export const isHubAddress = (model: string): boolean => model.startsWith(scheme);

/** Reads an address. @throws USAGE with the form it should have */
export function parseHubAddress(text: string): HubAddress {
  const [, owner = '', name = '', revision = 'main', file] = address.exec(text) ?? [];
  const isName = (part: string): boolean => word.test(part) && !part.includes('--') && !part.includes('..');
  if (
    !isName(owner) ||
    !isName(name) ||
    name.endsWith('.git') ||
    !revisionForm.test(revision) ||
    revision.includes('..')
  )
    throw new AppError('USAGE', `"${text}" is no address on a hub: write ${form}.`, { model: text });
  if (file !== undefined && !isInside(file)) {
    const message = `"${text}" names no file inside a repository: write its path there, without "..", as in ${form}.`;
    throw new AppError('USAGE', message, { model: text, file });
  }
  return { owner, name, revision, file: file ?? null };
}

/** A path that stays in the folder it is joined to, on every system. */
export function isInside(file: string): boolean {
  return !/[\\:\0]/.test(file) && file.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

/** The address as it is written; the revision is left out where it is the usual one. */
export function formatHubAddress({ owner, name, revision, file }: HubAddress): string {
  const at = revision === 'main' ? '' : `@${revision}`;
  return `${scheme}${owner}/${name}${at}${file === null ? '' : `:${file}`}`;
}
