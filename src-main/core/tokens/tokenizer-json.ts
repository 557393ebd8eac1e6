// The parts of Hugging Face's tokenizer.json that Snug reads, makes or changes; the package reads the rest.
import { z } from 'zod';

const id = z.number().int().nonnegative();
/** A step (normalizer, pre-tokenizer, …): its type and settings that only the package looks into. */
const step = z.looseObject({ type: z.string() });
export type Step = z.infer<typeof step>;

const preTokenizer = z.looseObject({
  type: z.string(),
  /** The parts of a Sequence. */
  get pretokenizers() {
    return z.array(preTokenizer).optional();
  },
});
export type PreTokenizer = z.infer<typeof preTokenizer>;

const addedToken = z.looseObject({ id, content: z.string().min(1) });

type Merges = (string | [string, string])[];
const isMerge = (value: unknown): boolean =>
  typeof value === 'string' ||
  (Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string'));
const merges = z.custom<Merges>((value) => Array.isArray(value) && value.every(isMerge), 'expected an array of pairs');

const modelByType = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('BPE'), vocab: z.record(z.string(), id), merges }),
  z.looseObject({
    type: z.literal('Unigram'),
    vocab: z.array(z.tuple([z.string(), z.number()])).min(1),
    unk_id: id.nullish(),
  }),
  z.looseObject({ type: z.literal('WordPiece'), vocab: z.record(z.string(), id) }),
]);

/** Files of the first releases (GPT-2's own among them) do not say their type; what they hold shows it. */
function withType(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || 'type' in value) return value;
  if ('merges' in value) return { ...value, type: 'BPE' };
  return { ...value, type: 'vocab' in value && Array.isArray(value.vocab) ? 'Unigram' : 'WordPiece' };
}

const model = z.preprocess(withType, modelByType);

export const tokenizerJson = z.looseObject({
  model,
  added_tokens: z.array(addedToken).default([]),
  normalizer: step.nullable().default(null),
  pre_tokenizer: preTokenizer.nullable().default(null),
  post_processor: step.nullable().default(null),
  decoder: step.nullable().default(null),
});
export type TokenizerJson = z.infer<typeof tokenizerJson>;

/** What `tokenizer_config.json` says about BOS; the rest of it is for chat. */
export const tokenizerConfig = z.looseObject({
  add_bos_token: z.boolean().nullish(),
  bos_token: z.union([z.string(), z.looseObject({ content: z.string() })]).nullish(),
});
