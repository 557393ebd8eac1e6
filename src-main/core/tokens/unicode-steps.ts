// @huggingface/tokenizers 0.2.0 runs two pre-tokenizers with JavaScript's own classes, which are not those of the
// tokenizers library and llama.cpp: its Digits splits ASCII digits only (there: every \p{N}), and its ByteLevel takes
// U+FEFF for whitespace and U+0085 for none. Its Split translates classes rightly, so both are given to Split.
import { z } from 'zod';
import type { Step } from './tokenizer-json.ts';

/** GPT-2's pattern (openai/gpt-2, src/encoder.py), which ByteLevel has built in. */
const gpt2Pattern = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

const sequence = z.looseObject({ pretokenizers: z.array(z.looseObject({ type: z.string() })) });

/** The same pre-tokenizer with the classes of the tokenizers library. */
export function withUnicodeClasses(step: Step): Step {
  if (step.type === 'Sequence') {
    const { data } = sequence.safeParse(step);
    return data === undefined ? step : { ...step, pretokenizers: data.pretokenizers.map(withUnicodeClasses) };
  }
  if (step.type === 'Digits') return split(step['individual_digits'] === true ? String.raw`\p{N}` : String.raw`\p{N}+`);
  // The prefix space comes before the pattern, so a ByteLevel that adds one cannot be taken apart.
  if (step.type === 'ByteLevel' && step['use_regex'] !== false && step['add_prefix_space'] !== true) {
    return { type: 'Sequence', pretokenizers: [split(gpt2Pattern), { ...step, use_regex: false }] };
  }
  return step;
}

function split(regex: string): Step {
  return { type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false };
}
