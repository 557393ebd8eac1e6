// Reads `tokenizer.model`, SentencePiece's own file (github.com/google/sentencepiece, src/sentencepiece_model.proto).
// Fields that say how a model was trained are skipped.
import { malformed } from '../../contract/errors.ts';
import { protobufFields, type ProtobufField } from './protobuf-reader.ts';

export type PieceType = 'normal' | 'unknown' | 'control' | 'user-defined' | 'unused' | 'byte';

export interface Piece {
  text: string;
  score: number;
  type: PieceType;
}

export interface SentencePieceModel {
  /** Index = token id. */
  pieces: Piece[];
  kind: 'unigram' | 'bpe' | 'word' | 'char';
  /** Characters without a piece become pieces of type byte. */
  byteFallback: boolean;
  /** The word mark follows the word instead of standing before it. */
  whitespaceIsSuffix: boolean;
  unknownId: number;
  /** -1 = none. */
  bosId: number;
  eosId: number;
  normalizer: {
    name: string;
    /** Precompiled replacements of characters; empty = none. */
    charsMap: Uint8Array;
    addDummyPrefix: boolean;
    removeExtraWhitespaces: boolean;
  };
}

const pieceTypes: Record<number, PieceType> = {
  1: 'normal',
  2: 'unknown',
  3: 'control',
  4: 'user-defined',
  5: 'unused',
  6: 'byte',
};
const kinds: Record<number, SentencePieceModel['kind']> = { 1: 'unigram', 2: 'bpe', 3: 'word', 4: 'char' };

/** @throws FILE_MALFORMED when the bytes are no SentencePiece model. */
export function readSentencePieceModel(bytes: Uint8Array, file: string): SentencePieceModel {
  const model: SentencePieceModel = {
    pieces: [],
    kind: 'unigram',
    byteFallback: false,
    whitespaceIsSuffix: false,
    unknownId: 0,
    bosId: 1,
    eosId: 2,
    normalizer: { name: '', charsMap: new Uint8Array(), addDummyPrefix: true, removeExtraWhitespaces: true },
  };
  for (const field of protobufFields(bytes, file)) {
    if (field.wire !== 'bytes') continue;
    if (field.number === 1) model.pieces.push(readPiece(field.value, model.pieces.length, file));
    if (field.number === 2) readTrainer(model, field.value, file);
    if (field.number === 3) readNormalizer(model.normalizer, field.value, file);
  }
  if (model.pieces.length === 0)
    throw malformed(file, 'the file', { expected: 'a SentencePiece model', actual: 'no pieces' });
  if (model.pieces[model.unknownId] === undefined) {
    throw malformed(file, 'unk_id', {
      expected: `an id below ${model.pieces.length}`,
      actual: String(model.unknownId),
    });
  }
  if (model.pieces.some((piece) => piece.type === 'byte')) model.byteFallback = true;
  return model;
}

function readPiece(bytes: Uint8Array, id: number, file: string): Piece {
  const piece: Piece = { text: '', score: 0, type: 'normal' };
  for (const field of protobufFields(bytes, file)) {
    if (field.number === 1 && field.wire === 'bytes') piece.text = decode(field.value, `piece ${id}`, file);
    if (field.number === 2 && field.wire === 'float') piece.score = field.value;
    if (field.number === 3) piece.type = choose(pieceTypes, field, `type of piece ${id}`, file);
  }
  if (piece.text === '') throw malformed(file, `piece ${id}`, { expected: 'a text', actual: 'none' });
  if (!Number.isFinite(piece.score))
    throw malformed(file, `score of piece ${id}`, { expected: 'a number', actual: String(piece.score) });
  return piece;
}

function readTrainer(model: SentencePieceModel, bytes: Uint8Array, file: string): void {
  for (const field of protobufFields(bytes, file)) {
    if (field.wire !== 'integer') continue;
    if (field.number === 3) model.kind = choose(kinds, field, 'model_type', file);
    if (field.number === 24) model.whitespaceIsSuffix = field.value !== 0;
    if (field.number === 35) model.byteFallback = field.value !== 0;
    if (field.number === 40) model.unknownId = field.value;
    if (field.number === 41) model.bosId = field.value;
    if (field.number === 42) model.eosId = field.value;
  }
}

function readNormalizer(normalizer: SentencePieceModel['normalizer'], bytes: Uint8Array, file: string): void {
  for (const field of protobufFields(bytes, file)) {
    if (field.number === 1 && field.wire === 'bytes')
      normalizer.name = decode(field.value, 'name of the normalizer', file);
    if (field.number === 2 && field.wire === 'bytes') normalizer.charsMap = field.value;
    if (field.number === 3 && field.wire === 'integer') normalizer.addDummyPrefix = field.value !== 0;
    if (field.number === 4 && field.wire === 'integer') normalizer.removeExtraWhitespaces = field.value !== 0;
  }
}

function choose<Choice>(choices: Record<number, Choice>, field: ProtobufField, where: string, file: string): Choice {
  const choice = field.wire === 'integer' ? choices[field.value] : undefined;
  if (choice === undefined)
    throw malformed(file, where, {
      expected: `one of ${Object.keys(choices).join(', ')}`,
      actual: String(field.value),
    });
  return choice;
}

function decode(bytes: Uint8Array, where: string, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed(file, where, { expected: 'UTF-8 text', actual: 'other bytes' });
  }
}
