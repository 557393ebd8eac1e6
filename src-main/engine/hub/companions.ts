// How large the small files of a model may be: they are fetched to inspect and plan it, whatever a repository holds.
import path from 'node:path';
import { malformed } from '../../contract/errors.ts';
import { formatFileSize } from '../../contract/units.ts';
import { longestFile } from '../../core/formats/json-object.ts';
import type { HubFile } from './hub-file.ts';

/** Of one that the model is read with: the readers' own bound. Among the largest tokenizers is Gemma 3's, of some 33 MB. */
const largest = longestFile;
/** Of all together: several tokenizers in several formats. */
const largestTogether = 2.5 * largest;
/** Known names are some fifteen; the rest are chat templates, a file each. */
const most = 200;
/** Of a card, whose head alone is read: this much text is more than a book. */
const largestCard = 4_000_000;

const isHugeCard = ({ name, bytes }: HubFile): boolean =>
  path.posix.basename(name) === 'README.md' && bytes > largestCard;

/**
 * Of the small files of a model, those to fetch. A card that is too large is left out: no figure of the model depends on it.
 * Anything else decides what the model is or writes.
 * @param what the model, as errors name it
 * @throws FILE_MALFORMED where one of these, or all together, are too large
 */
export function boundedCompanions(
  what: string,
  companions: readonly HubFile[],
  warn: (warning: string) => void,
): HubFile[] {
  const wanted = companions.filter((file) => !isHugeCard(file));
  for (const { name, bytes } of companions.filter(isHugeCard))
    warn(
      `${name} of ${what} has ${formatFileSize(bytes)}, more than a card has: it is left out, and with it what its head says.`,
    );
  for (const file of wanted) requireSmall(what, file);
  const bytes = wanted.reduce((sum, file) => sum + file.bytes, 0);
  if (wanted.length > most)
    throw malformed(what, 'files beside the weights', { expected: `at most ${most}`, actual: `${wanted.length}` });
  if (bytes > largestTogether)
    throw malformed(what, 'files beside the weights', {
      expected: `at most ${largestTogether} bytes together`,
      actual: `${bytes} bytes`,
    });
  return wanted;
}

/** @throws FILE_MALFORMED */
export function requireSmall(what: string, { name, bytes }: HubFile): void {
  if (bytes > largest) throw malformed(what, name, { expected: `at most ${largest} bytes`, actual: `${bytes} bytes` });
}
