// A SentencePiece model as a tokenizer.json object, so that one package encodes both (environment.md, "Tokenizers").
// BPE with or without byte fallback, and Unigram without it. Of character maps nmt_nfkc only, in which the package takes
// U+200C and U+200D (joined emoji) for spaces and SentencePiece does not. SentencePiece merges by the score of the piece
// that results, the first place first; a list of merges says the same if it has every split of a piece, by falling score.
import { AppError, malformed } from '../../contract/errors.ts';
import { readSentencePieceModel, type SentencePieceModel } from './sentencepiece-model.ts';
import { wordMark } from './pre-tokenizer.ts';
import type { Step, TokenizerJson } from './tokenizer-json.ts';

/**
 * Turns the bytes of a `tokenizer.model` into a tokenizer.json object. BPE models add BOS, as llama.cpp and Hugging Face
 * do for them; Unigram models add EOS (llama.cpp's default for them).
 * @throws FILE_MALFORMED; UNSUPPORTED_ARCHITECTURE for a valid model that cannot be encoded rightly.
 */
export function sentencePieceTokenizer(bytes: Uint8Array, file: string): TokenizerJson {
  const model = readSentencePieceModel(bytes, file);
  refuse(model, file);
  const ids = new Map(model.pieces.map((piece, id) => [piece.text, id]));
  if (ids.size !== model.pieces.length)
    throw malformed(file, 'the pieces', { expected: 'different texts', actual: 'a text twice' });
  return {
    model: model.kind === 'bpe' ? bpe(model) : unigram(model),
    added_tokens: addedTokens(model),
    normalizer: normalizer(model.normalizer),
    pre_tokenizer: null,
    post_processor: postProcessor(model),
    decoder: decoder(model.normalizer.addDummyPrefix),
  };
}

function refuse(model: SentencePieceModel, file: string): void {
  const {
    kind,
    byteFallback,
    normalizer: { name, charsMap },
  } = model;
  let reason: string | null = null;
  if (kind === 'word' || kind === 'char') reason = `its model type is "${kind}"; bpe and unigram are read`;
  else if (kind === 'unigram' && byteFallback) reason = 'it is a Unigram model with byte fallback';
  else if (model.whitespaceIsSuffix) reason = 'it marks the end of words instead of their start';
  else if (charsMap.length > 0 && name !== 'nmt_nfkc')
    reason = `its character map is "${name}"; identity and nmt_nfkc are read`;
  if (reason === null) return;
  const advice = 'Add the tokenizer.json of the same model to the folder, or use the model as a GGUF file.';
  throw new AppError(
    'UNSUPPORTED_ARCHITECTURE',
    `${file}: this SentencePiece model cannot be used: ${reason}. ${advice}`,
    { file, reason },
  );
}

function bpe(model: SentencePieceModel): TokenizerJson['model'] {
  return {
    type: 'BPE',
    vocab: Object.fromEntries(model.pieces.map((piece, id) => [piece.text, id])),
    merges: merges(model),
    unk_token: model.pieces[model.unknownId]!.text,
    fuse_unk: true,
    byte_fallback: model.byteFallback,
    ignore_merges: false,
  };
}

function unigram(model: SentencePieceModel): TokenizerJson['model'] {
  return { type: 'Unigram', vocab: model.pieces.map((piece) => [piece.text, piece.score]), unk_id: model.unknownId };
}

/** Every split of a normal piece into two that can stand alone, by falling score, then left id, then right id. */
function merges({ pieces }: SentencePieceModel): [string, string][] {
  const ids = new Map<string, number>();
  for (const [id, { text, type }] of pieces.entries())
    if (type === 'normal' || type === 'user-defined') ids.set(text, id);
  // A character needs no piece of its own to be merged.
  const idOf = (characters: string[]): number | undefined =>
    ids.get(characters.join('')) ?? (characters.length === 1 ? pieces.length : undefined);
  const found: { left: number; right: number; score: number; pair: [string, string] }[] = [];
  for (const { text, score, type } of pieces) {
    if (type !== 'normal') continue;
    const characters = Array.from(text);
    for (let at = 1; at < characters.length; at++) {
      const [first, second] = [characters.slice(0, at), characters.slice(at)];
      const [left, right] = [idOf(first), idOf(second)];
      if (left !== undefined && right !== undefined)
        found.push({ left, right, score, pair: [first.join(''), second.join('')] });
    }
  }
  found.sort((a, b) => b.score - a.score || a.left - b.left || a.right - b.right);
  return found.map(({ pair }) => pair);
}

/** Tokens that are found in the text before anything else: control pieces by their names, user-defined ones as written. */
function addedTokens({ pieces }: SentencePieceModel): TokenizerJson['added_tokens'] {
  return pieces.flatMap(({ text, type }, id) => {
    const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
    if (type === 'control' || type === 'unknown') return [{ id, content: text, ...flags, special: true }];
    if (type === 'user-defined') return [{ id, content: text.replaceAll(wordMark, ' '), ...flags, special: false }];
    return [];
  });
}

/** In SentencePiece's order: character map, whitespace, dummy prefix, word marks. */
function normalizer({ charsMap, removeExtraWhitespaces, addDummyPrefix }: SentencePieceModel['normalizer']): Step {
  const replace = (pattern: object, content: string): Step => ({ type: 'Replace', pattern, content });
  const normalizers: Step[] = [];
  if (charsMap.length > 0)
    normalizers.push({ type: 'Precompiled', precompiled_charsmap: Buffer.from(charsMap).toString('base64') });
  if (removeExtraWhitespaces) {
    normalizers.push(replace({ Regex: String.raw`\A +| +\z` }, ''), replace({ Regex: ' +' }, ' '));
  }
  if (addDummyPrefix) normalizers.push(replace({ Regex: String.raw`\A(?=[\s\S])` }, wordMark));
  normalizers.push(replace({ String: ' ' }, wordMark));
  return { type: 'Sequence', normalizers };
}

function postProcessor({ kind, pieces, bosId, eosId }: SentencePieceModel): Step | null {
  const added = pieces[kind === 'bpe' ? bosId : eosId];
  if (added === undefined) return null;
  const special = { SpecialToken: { id: added.text, type_id: 0 } };
  const text = { Sequence: { id: 'A', type_id: 0 } };
  const single = kind === 'bpe' ? [special, text] : [text, special];
  return { type: 'TemplateProcessing', single, pair: single, special_tokens: {} };
}

function decoder(hasDummyPrefix: boolean): Step {
  const decoders: Step[] = [
    { type: 'Replace', pattern: { String: wordMark }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
  ];
  if (hasDummyPrefix) decoders.push({ type: 'Strip', content: ' ', start: 1, stop: 0 });
  return { type: 'Sequence', decoders };
}
