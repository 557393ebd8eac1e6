// Tokens beside a vocabulary: those of tokenizer.json, and what tokenizer_config.json adds to them or marks as special.
// Source: transformers 4.57, tokenization_utils_fast.py; llama.cpp v0.4.0, conversion/base.py (get_vocab_base).
import { join } from 'node:path';
import { z } from 'zod';
import type { TokenizerJson } from '../../tokens/tokenizer-json.ts';
import { checked, type ModelFolder } from './model-folder.ts';
import { looksSpecial, tokenTypes, type TokenList } from './token-list.ts';

const named = z.union([z.string(), z.looseObject({ content: z.string() })]);
const decoderEntry = z.looseObject({ content: z.string().min(1), special: z.boolean().nullish() });
const tokenizerConfigJson = z.looseObject({
  added_tokens_decoder: z.record(z.string().regex(/^\d+$/), decoderEntry).nullish(),
  additional_special_tokens: z.array(named).nullish(),
});

export interface AddedToken {
  id: number;
  content: string;
  isSpecial: boolean;
}

const specialRoles = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'] as const;

/** added_tokens_decoder of tokenizer_config.json. */
export function decoderTokens(folder: ModelFolder): AddedToken[] {
  const config = tokenizerConfigOf(folder);
  return Object.entries(config.added_tokens_decoder ?? {}).map(([id, { content, special }]) => ({
    id: Number(id),
    content,
    isSpecial: special === true,
  }));
}

/** Texts that tokenizer_config.json uses as BOS, EOS and so on. */
export function declaredSpecials(folder: ModelFolder): Set<string> {
  const config = tokenizerConfigOf(folder);
  const roles = specialRoles.map((role) => contentOf(config[`${role}_token`]));
  const further = (config.additional_special_tokens ?? []).map(contentOf);
  return new Set([...roles, ...further].filter((text) => text !== null));
}

/** The text of a token that is written as a string or as an object. */
export function contentOf(value: unknown): string | null {
  const parsed = named.safeParse(value);
  if (!parsed.success) return null;
  return typeof parsed.data === 'string' ? parsed.data : parsed.data.content;
}

/** All added tokens by id: the later source wins. */
export function addedTokens(definition: TokenizerJson, folder: ModelFolder): AddedToken[] {
  const vocabulary = definition.model.type === 'Unigram' ? {} : definition.model.vocab;
  const own = definition.added_tokens.map((token) => ({
    id: token.id,
    content: token.content,
    isSpecial: token['special'] === true,
  }));
  const specials = declaredSpecials(folder);
  const marked = [...specials]
    .filter((content) => Object.hasOwn(vocabulary, content))
    .map((content) => ({ id: vocabulary[content]!, content, isSpecial: true }));
  const byId = new Map([...marked, ...own, ...decoderTokens(folder)].map((token) => [token.id, token]));
  return [...byId.values()].map((token) => ({ ...token, isSpecial: token.isSpecial || specials.has(token.content) }));
}

/** Enters added tokens as control tokens, or as user-defined ones with real spaces. */
export function enterAddedTokens(list: TokenList, tokens: readonly AddedToken[], score: number): void {
  for (const { id, content, isSpecial } of tokens) {
    if (isSpecial || looksSpecial(content)) list.set(id, content, tokenTypes.control, score);
    else list.set(id, content.replaceAll('\u2581', ' '), tokenTypes.userDefined, score);
  }
}

function tokenizerConfigOf(folder: ModelFolder): z.infer<typeof tokenizerConfigJson> {
  return checked(join(folder.path, 'tokenizer_config.json'), folder.tokenizerConfig ?? {}, tokenizerConfigJson);
}
