// Paths and names of models as the user wrote them.
import path from 'node:path';
import { formatHubAddress, isHubAddress, parseHubAddress, type HubAddress } from '../contract/hub-address.ts';

/** The absolute path of a file that the user named. */
export type ResolvePath = (file: string) => string;

/** The absolute path of a MODEL; an address on a hub stays as it is. @throws USAGE for an address of another form */
export function modelPath(name: string, resolve: ResolvePath): string {
  return isHubAddress(name) ? formatHubAddress(parseHubAddress(name)) : resolve(name);
}

/** Name of a model without folder, shard number and ending: `llama-00001-of-00003.gguf` -> `llama`. */
export function modelName(model: string): string {
  return path
    .basename(isHubAddress(model) ? fileOrName(parseHubAddress(model)) : model)
    .replace(/\.gguf$/i, '')
    .replace(/-\d{5}-of-\d{5}$/, '');
}

/** A word such as Q4_K_M names a file of the repository only together with its name. */
function fileOrName({ name, file }: HubAddress): string {
  if (file === null) return name;
  return file.includes('.') ? file : `${name}-${path.posix.basename(file)}`;
}
