// What the window says of a repository and of its models.
import type { HubChoice, HubRepository } from '../../../src-main/contract/hub-search.ts';
import { formatCount, formatFileSize, formatParameters } from '../../words/numbers.ts';
import { useWords } from '../../words/words.ts';

const words = useWords();

/** `GGUF · 7.6 billion parameters · 1.2 million downloads · 340 likes`. */
export function repositoryInWords({ formats, parameters, downloads, likes }: HubRepository): string {
  const { hub } = words.model;
  const names = formats.map((format) => hub.formats[format]).join(', ');
  const parts = [
    names,
    parameters === null ? '' : words.model.parameters(formatParameters(parameters)),
    hub.downloads(formatParameters(downloads)),
    hub.likes(formatCount(likes)),
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

/** The name of a model in its repository: its file without the number of its first shard, or what the folder is. */
export function choiceName({ file, format }: HubChoice): string {
  if (format === 'safetensors') return words.model.hub.wholeModel;
  return file.replace(/-\d{5}-of-\d{5}(?=\.gguf$)/, '');
}

/** `4.68 GB`, `21.3 GB in 3 files`. */
export function choiceSize({ bytes, files }: HubChoice): string {
  const size = formatFileSize(bytes);
  return files === 1 ? size : words.model.hub.inFiles(size, files);
}
