// Two changes to a pre-tokenizer before @huggingface/tokenizers 0.2.0 gets it; the ids are then those of the tokenizers
// library and llama.cpp.
// Classes: the package's Digits splits ASCII digits only (there: every \p{N}), and its ByteLevel takes U+FEFF for
// whitespace and U+0085 for none. Its Split translates classes rightly, so both are given to Split.
// Words: SentencePiece-like tokenizers have one word, the whole text, which takes ten times as long or overflows the stack.
import type { PreTokenizer, TokenizerJson } from './tokenizer-json.ts';

/** U+2581, which stands for a space inside tokens of SentencePiece. */
export const wordMark = '\u2581';

/** A word mark after another character: a token that reaches over the border of two words. */
const acrossWords = new RegExp(`[^${wordMark}]${wordMark}`);

/** GPT-2's pattern (openai/gpt-2, src/encoder.py), which ByteLevel has built in. */
const gpt2Pattern = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/** The pre-tokenizer of a definition, changed where the package needs it. */
export function adaptedPreTokenizer({ model, pre_tokenizer: step }: TokenizerJson): PreTokenizer | null {
  if (step !== null && step.type !== 'Metaspace') return withUnicodeClasses(step);
  const tokens = model.type === 'Unigram' ? model.vocab.map(([token]) => token) : Object.keys(model.vocab);
  if (tokens.some((token) => acrossWords.test(token))) return step;
  const words = split(`${wordMark}*[^${wordMark}]+|${wordMark}+`);
  return step === null ? words : { type: 'Sequence', pretokenizers: [step, words] };
}

function withUnicodeClasses(step: PreTokenizer): PreTokenizer {
  if (step.type === 'Sequence') return { ...step, pretokenizers: step.pretokenizers?.map(withUnicodeClasses) ?? [] };
  if (step.type === 'Digits') return split(step['individual_digits'] === true ? String.raw`\p{N}` : String.raw`\p{N}+`);
  // The prefix space comes before the pattern, so a ByteLevel that adds one cannot be taken apart.
  if (step.type === 'ByteLevel' && step['use_regex'] !== false && step['add_prefix_space'] !== true) {
    return { type: 'Sequence', pretokenizers: [split(gpt2Pattern), { ...step, use_regex: false }] };
  }
  return step;
}

function split(regex: string): PreTokenizer {
  return { type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false };
}
