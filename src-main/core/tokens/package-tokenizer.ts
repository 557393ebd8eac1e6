// The part of @huggingface/tokenizers 0.2.0 that Snug calls. Its declarations import without file endings, which Node's
// resolution does not follow, so its types are written down here.
import { Tokenizer } from '@huggingface/tokenizers';
import type { TokenizerJson } from './tokenizer-json.ts';

export interface PackageTokenizer {
  encode(text: string, options?: { add_special_tokens?: boolean }): { ids: number[] };
  /** `ids` must not be empty and must be in the vocabulary. */
  decode(ids: number[], options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean }): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
  get_vocab(): Map<string, number>;
}

const Constructor = Tokenizer as unknown as new (definition: TokenizerJson, config: object) => PackageTokenizer;

export function createTokenizer(definition: TokenizerJson): PackageTokenizer {
  return new Constructor(definition, {});
}
