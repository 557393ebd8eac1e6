// What a start may ask to open: a .gguf file, or a deep link to one or to a model on the hub. Pure but for a look at the file.
// A link may come from any web page, so it is held to the same two forms, and may not make this machine ask another one.
import { statSync } from 'node:fs';
import path from 'node:path';
import { formatHubAddress, isHubAddress, parseHubAddress } from '../contract/hub-address.ts';

/** The scheme of deep links: snug://open?model=FILE-OR-hub:…, snug://hub/OWNER/NAME. */
export const linkScheme = 'snug';
const linkStart = `${linkScheme}:`;

/** The model that the last of these arguments names: an absolute path or a hub address; null where none does. */
export function modelOfArguments(args: readonly string[], folder: string): string | null {
  // Options are the system's and Chromium's. The program and, in a checkout, its folder are no .gguf files.
  const named = args.filter((argument) => !argument.startsWith('-')).map((argument) => modelOf(argument, folder));
  return named.findLast((model) => model !== null) ?? null;
}

/** The model that one argument, opened file or link names. */
export function modelOf(text: string, folder: string): string | null {
  if (text.toLowerCase().startsWith(linkStart)) return modelOfLink(text);
  if (isHubAddress(text)) return hubModel(text);
  return modelFile(path.resolve(folder, text));
}

function modelOfLink(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const link = new URL(text);
  if (link.protocol !== linkStart) return null;
  if (link.host === 'hub') return hubModel(`hub:${decode(link.pathname).replace(/^\//, '')}`);
  const model = link.host === 'open' ? link.searchParams.get('model') : null;
  if (model === null) return null;
  if (isHubAddress(model)) return hubModel(model);
  // A look at a file on another machine would introduce this user to it.
  const isLocal = path.isAbsolute(model) && !/^[\\/]{2}/.test(model);
  return isLocal ? modelFile(path.normalize(model)) : null;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

function hubModel(address: string): string | null {
  try {
    return formatHubAddress(parseHubAddress(address));
  } catch {
    return null;
  }
}

function modelFile(file: string): string | null {
  if (path.extname(file).toLowerCase() !== '.gguf' || file.includes('\0')) return null;
  return statSync(file, { throwIfNoEntry: false })?.isFile() ? file : null;
}
