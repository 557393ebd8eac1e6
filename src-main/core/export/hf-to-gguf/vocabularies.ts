// The three ways that the converter turns a tokenizer into a vocabulary. Source: llama.cpp v0.4.0, conversion/base.py
// (_create_vocab_sentencepiece, get_vocab_base) and gguf-py/gguf/vocab.py (LlamaHfVocab).
import { join } from 'node:path';
import { z } from 'zod';
import { AppError, malformed } from '../../../contract/errors.ts';
import { readSentencePieceModel, type PieceType } from '../../tokens/sentencepiece-model.ts';
import { tokenizerJson, type TokenizerJson } from '../../tokens/tokenizer-json.ts';
import { addedTokens, decoderTokens, enterAddedTokens } from './added-tokens.ts';
import type { VocabularyKind } from './families/family.ts';
import { checked, type ModelFolder } from './model-folder.ts';
import { TokenList, tokenTypes, type TokenType } from './token-list.ts';

export interface Vocabulary {
  kind: VocabularyKind;
  list: TokenList;
  /** Of a byte-level vocabulary. */
  merges: string[] | null;
  /** False where SentencePiece was told not to put a space before the text. */
  hasSpacePrefix: boolean;
}

/** Score of ids without a token, and of tokens that were added. */
const paddingScore = -10_000;
const addedScore = -1000;

/** The vocabulary of a folder in one of the forms, or null where the folder has no such form. */
export function readVocabulary(kind: VocabularyKind, folder: ModelFolder, size: number): Vocabulary | null {
  if (kind === 'sentencepiece') return folder.sentencePiece === null ? null : fromSentencePiece(folder, size);
  if (folder.tokenizerJson === null) return null;
  const file = join(folder.path, 'tokenizer.json');
  const definition = checked(file, folder.tokenizerJson, tokenizerJson);
  const isWordBased = definition.model['byte_fallback'] === true && definition.decoder?.type === 'Sequence';
  if (kind === 'llama-hf') return isWordBased ? fromWordMerges(definition, folder, size) : null;
  return fromByteLevel(definition, folder, size);
}

const pieceTokenTypes: Record<PieceType, TokenType> = {
  normal: tokenTypes.normal,
  unknown: tokenTypes.unknown,
  control: tokenTypes.control,
  // As the converter writes it; llama.cpp then merges such pieces by their score.
  'user-defined': tokenTypes.normal,
  unused: tokenTypes.unused,
  byte: tokenTypes.byte,
};

function fromSentencePiece(folder: ModelFolder, size: number): Vocabulary {
  const file = join(folder.path, 'tokenizer.model');
  const model = readSentencePieceModel(folder.sentencePiece!, file);
  if (model.kind !== 'bpe') {
    throw unsupported(file, `it is a SentencePiece model of kind ${model.kind}; llama.cpp merges pieces as bpe does`);
  }
  const list = new TokenList(size, paddingScore);
  for (const [id, { text, score, type }] of model.pieces.slice(0, size).entries()) {
    list.set(id, text, pieceTokenTypes[type], score);
  }
  const extra = checked(
    join(folder.path, 'added_tokens.json'),
    folder.addedTokens ?? {},
    z.record(z.string(), z.number().int().nonnegative()),
  );
  for (const [text, id] of Object.entries(extra)) if (id < size) list.set(id, text, tokenTypes.userDefined, addedScore);
  enterAddedTokens(
    list,
    decoderTokens(folder).filter(({ id }) => id < size),
    addedScore,
  );
  return { kind: 'sentencepiece', list, merges: null, hasSpacePrefix: model.normalizer.addDummyPrefix };
}

/**
 * A SentencePiece vocabulary that is there as merges only. llama.cpp merges by scores, so each token's score is the
 * rank of its first merge, as SentencePiece counts them; the converter's placeholder, one score for all, would merge
 * from left to right.
 */
function fromWordMerges(definition: TokenizerJson, folder: ModelFolder, size: number): Vocabulary {
  const { vocab, merges } = bpeOf(definition, folder);
  const list = new TokenList(size, paddingScore);
  const rankOf = new Map<string, number>();
  for (const [rank, merge] of merges.entries()) {
    const text = pairOf(merge).join('');
    if (!rankOf.has(text)) rankOf.set(text, rank);
  }
  for (const [text, id] of entriesOf(vocab, size, folder)) {
    const type = /^<0x[0-9A-Fa-f]{2}>$/.test(text) ? tokenTypes.byte : tokenTypes.normal;
    list.set(id, text, type, -(rankOf.get(text) ?? merges.length));
  }
  enterAddedTokens(list, inside(addedTokens(definition, folder), size, folder), addedScore);
  return { kind: 'llama-hf', list, merges: null, hasSpacePrefix: true };
}

function fromByteLevel(definition: TokenizerJson, folder: ModelFolder, size: number): Vocabulary {
  const { vocab, merges } = bpeOf(definition, folder);
  const list = new TokenList(size, 0);
  for (const [text, id] of entriesOf(vocab, size, folder)) list.set(id, text, tokenTypes.normal);
  enterAddedTokens(list, inside(addedTokens(definition, folder), size, folder), 0);
  return { kind: 'byte-level', list, merges: merges.map(writtenMerge), hasSpacePrefix: true };
}

type Bpe = Extract<TokenizerJson['model'], { type: 'BPE' }>;

function bpeOf({ model }: TokenizerJson, folder: ModelFolder): Bpe {
  if (model.type === 'BPE') return model;
  throw unsupported(join(folder.path, 'tokenizer.json'), `its model is ${model.type}; BPE is converted`);
}

/** A space inside a part would end it: it is written as its byte-level letter. */
function writtenMerge(merge: string | [string, string]): string {
  return typeof merge === 'string' ? merge : merge.map((part) => part.replaceAll(' ', '\u0120')).join(' ');
}

function pairOf(merge: string | [string, string]): string[] {
  return typeof merge === 'string' ? merge.split(' ') : merge;
}

function entriesOf(vocab: Bpe['vocab'], size: number, folder: ModelFolder): [string, number][] {
  const entries = Object.entries(vocab);
  const beyond = entries.find(([, id]) => id >= size);
  if (beyond) throw tooLarge(folder, beyond[0], beyond[1], size);
  return entries;
}

function inside<T extends { id: number; content: string }>(tokens: T[], size: number, folder: ModelFolder): T[] {
  const beyond = tokens.find(({ id }) => id >= size);
  if (beyond) throw tooLarge(folder, beyond.content, beyond.id, size);
  return tokens;
}

function tooLarge(folder: ModelFolder, token: string, id: number, size: number): AppError {
  return malformed(join(folder.path, 'tokenizer.json'), `token ${JSON.stringify(token)}`, {
    expected: `an id below ${size}, the vocab_size of config.json`,
    actual: String(id),
    token,
  });
}

function unsupported(file: string, reason: string): AppError {
  return new AppError('UNSUPPORTED_ARCHITECTURE', `${file} cannot be converted: ${reason}.`, { file, reason });
}
