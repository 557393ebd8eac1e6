// Paths and names of models as the user wrote them.
import path from 'node:path';
import { AppError } from '../contract/errors.ts';

/** The absolute path of a file that the user named. */
export type ResolvePath = (file: string) => string;

/** The absolute path of a MODEL. @throws USAGE for an address on a hub */
export function modelPath(name: string, resolve: ResolvePath): string {
  if (name.startsWith('hub:')) {
    throw new AppError(
      'USAGE',
      'hub: addresses cannot be opened by this version; download the file and give its path.',
      { model: name },
    );
  }
  return resolve(name);
}

/** Name of a model without folder, shard number and ending: `llama-00001-of-00003.gguf` -> `llama`. */
export function modelName(model: string): string {
  return path
    .basename(model)
    .replace(/\.gguf$/i, '')
    .replace(/-\d{5}-of-\d{5}$/, '');
}
