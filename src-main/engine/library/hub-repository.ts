// Which repository of a hub a GGUF says it is. Keys and meaning: ggml docs/gguf.md, "Source metadata": general.repo_url and
// general.source.repo_url are the model's own, general.base_model.N.* those of its parents.
import type { GgufMetadata } from '../../core/formats/gguf-values.ts';

/** Of the model itself; general.repo_url of some publishers is their own page, which names no repository. */
const ownKeys = ['general.source.repo_url', 'general.repo_url', 'general.source.url', 'general.url'];
const hubPage = /^https:\/\/(?:huggingface\.co|hf\.co)\/([\w.-]+\/[\w.-]+)\/?$/;

/** `OWNER/NAME`, or null where the file does not say. */
export function hubRepositoryOf(metadata: GgufMetadata): string | null {
  const text = (key: string): string => {
    const value = metadata.get(key);
    return value?.type === 'string' ? value.value : '';
  };
  const repositoryAt = (key: string): string | null => hubPage.exec(text(key))?.[1] ?? null;
  for (const key of ownKeys) {
    const found = repositoryAt(key);
    if (found !== null) return found;
  }
  // Quantisers name what they quantised as the only parent, tuners what they tuned: the model's own name tells which.
  if (text('general.base_model.1.repo_url') !== '') return null;
  const parent = repositoryAt('general.base_model.0.repo_url');
  return parent !== null && isSameName(parent.split('/')[1]!, text('general.name')) ? parent : null;
}

/** `Qwen3-8B` and `Qwen3 8B`. */
function isSameName(one: string, other: string): boolean {
  const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');
  return plain(one) !== '' && plain(one) === plain(other);
}
