// Paths of models and of what is made from them, as text: the page has no file system and no `path` module.
import { formatHubAddress, isHubAddress, parseHubAddress } from '../../../src-main/contract/hub-address.ts';

/** A file inside a safetensors folder stands for the folder. */
export function modelOfFile(file: string): string {
  return /[\\/](config\.json|[^\\/]+\.safetensors)$/i.test(file) ? folderOf(file) : file;
}

/** The last part of a path; of an address on a hub the file, or the name. */
export function nameOf(path: string): string {
  if (isHubAddress(path)) return path.split(/[/:]/).at(-1)!;
  return path.split(/[\\/]/).findLast((part) => part !== '') ?? path;
}

function folderOf(path: string): string {
  return path.replace(/[\\/][^\\/]*[\\/]?$/, '');
}

/** Where a new file is suggested: in `folder` or else beside the model, named for what it becomes; the type in the old name gives way. */
export function suggestOutput(
  model: string,
  { what, ending }: { what: string; ending: 'gguf' | 'onnx' },
  folder: string | null = null,
): string {
  const separator = (folder ?? model).includes('\\') ? '\\' : '/';
  const stem = nameOf(model)
    .replace(/\.gguf$/i, '')
    .replace(/[.-](?:F16|F32|BF16|I?Q\d\w*)$/i, '');
  const name = `${stem}.${what}.${ending}`;
  if (folder !== null) return `${folder.replace(/[\\/]$/, '')}${separator}${name}`;
  return isHubAddress(model) ? name : `${folderOf(model)}${separator}${name}`; // of a hub's model: where the dialog opens
}

/** An address from what people type or copy: with or without `hub:`, or the page's own address; null where it is none. */
export function hubAddressOf(text: string): string | null {
  const bare = text
    .trim()
    .replace(/^(?:hub:|https?:\/\/[^/]+\/)/, '')
    .replace(/\/(?:tree\/main\/?)?$/, '');
  try {
    return formatHubAddress(parseHubAddress(`hub:${bare}`));
  } catch {
    return null;
  }
}
