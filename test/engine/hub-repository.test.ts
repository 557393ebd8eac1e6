// Which repository a GGUF says it is: its own page, or the parent that has its name.
import { describe, expect, it } from 'vitest';
import { GgufMetadata } from '../../src-main/core/formats/gguf-values.ts';
import { hubRepositoryOf } from '../../src-main/engine/library/hub-repository.ts';

const metadata = (texts: Record<string, string>): GgufMetadata =>
  new GgufMetadata(
    'model.gguf',
    new Map(Object.entries(texts).map(([key, value]) => [key, { type: 'string', value } as const])),
  );

describe('the repository of a GGUF', () => {
  it.each([
    ['its source', { 'general.source.repo_url': 'https://huggingface.co/Qwen/Qwen3-8B' }, 'Qwen/Qwen3-8B'],
    ['its own page', { 'general.repo_url': 'https://hf.co/owner/name-GGUF/' }, 'owner/name-GGUF'],
    [
      'the parent that it is called like, where its page is its publisher',
      {
        'general.repo_url': 'https://huggingface.co/unsloth',
        'general.name': 'Qwen3 8B',
        'general.base_model.0.repo_url': 'https://huggingface.co/Qwen/Qwen3-8B',
      },
      'Qwen/Qwen3-8B',
    ],
    [
      'not the parent that it was tuned from',
      {
        'general.name': 'Qwen2.5 7B Instruct',
        'general.base_model.0.repo_url': 'https://huggingface.co/Qwen/Qwen2.5-7B',
      },
      null,
    ],
    [
      'not one of several parents',
      {
        'general.name': 'A',
        'general.base_model.0.repo_url': 'https://huggingface.co/owner/A',
        'general.base_model.1.repo_url': 'https://huggingface.co/owner/B',
      },
      null,
    ],
    ['no page elsewhere', { 'general.repo_url': 'https://github.com/owner/name' }, null],
    ['no deeper page', { 'general.url': 'https://huggingface.co/owner/name/tree/main' }, null],
    ['nothing', {}, null],
  ])('is %s', (_, texts, repository) => {
    expect(hubRepositoryOf(metadata(texts))).toBe(repository);
  });
});
