// A vocabulary as GGUF lists it: text, type and score by id.

/** Source: llama.cpp v0.4.0, gguf-py/gguf/constants.py (TokenType). */
export const tokenTypes = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;
export type TokenType = (typeof tokenTypes)[keyof typeof tokenTypes];

export class TokenList {
  readonly texts: string[];
  readonly types: TokenType[];
  readonly scores: number[];

  /** All ids unused: rows of the embedding that no token has. */
  constructor(size: number, paddingScore: number) {
    this.texts = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
    this.types = Array.from({ length: size }, () => tokenTypes.unused);
    this.scores = Array.from({ length: size }, () => paddingScore);
  }

  get length(): number {
    return this.texts.length;
  }

  set(id: number, text: string, type: TokenType, score = 0): void {
    this.texts[id] = text;
    this.types[id] = type;
    this.scores[id] = score;
  }
}

/** Tokens that some models forgot to mark as special. Source: conversion/base.py (does_token_look_special). */
export function looksSpecial(token: string): boolean {
  return (
    ['<pad>', '<mask>', '<2mass>', '[@BOS@]'].includes(token) || /^<\|.*\|>$|^<｜.*｜>$|^<unused.*>$/su.test(token)
  );
}
