// tokenizer.json and tokenizer_config.json from the keys of a GGUF header, for byte-level vocabularies whose splitting
// into words is known here. Source: llama.cpp v0.4.0, src/llama-vocab.cpp (init_tokenizer, load: what each
// tokenizer.ggml.pre does); the tokenizer.json files of GPT-2, SmolLM2, Llama 3 and Qwen 2 for the same steps.
import type { GgufMetadata } from '../../formats/gguf-values.ts';
import type { JsonObject } from '../../formats/json-object.ts';
import { tokenTypes } from '../hf-to-gguf/token-list.ts';

/** What a name of tokenizer.ggml.pre stands for. */
interface WordSplitting {
  pretokenizers: JsonObject[];
  normalizer: JsonObject | null;
  /** A word that is a token is not taken apart. */
  ignoresMerges: boolean;
  addsBos: boolean;
}

const byteLevel = (usesRegex: boolean): JsonObject => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: usesRegex,
});
const split = (digits: string): JsonObject => ({
  type: 'Split',
  pattern: {
    Regex: String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|${digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  },
  behavior: 'Isolated',
  invert: false,
});
const plain = { normalizer: null, ignoresMerges: false, addsBos: false };

const splittings: Readonly<Record<string, WordSplitting>> = {
  'gpt-2': { ...plain, pretokenizers: [byteLevel(true)] },
  smollm: { ...plain, pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel(true)] },
  'llama-bpe': {
    ...plain,
    pretokenizers: [split(String.raw`\p{N}{1,3}`), byteLevel(false)],
    ignoresMerges: true,
    addsBos: true,
  },
  // Qwen's own tokenizer composes characters first; llama.cpp does not.
  qwen2: { ...plain, pretokenizers: [split(String.raw`\p{N}`), byteLevel(false)], normalizer: { type: 'NFC' } },
};

export interface TokenizerFiles {
  'tokenizer.json': JsonObject;
  'tokenizer_config.json': JsonObject;
}

/** The files, or null where the vocabulary is of another kind: then text needs the original tokenizer. */
export function ggufTokenizer(metadata: GgufMetadata): TokenizerFiles | null {
  const splitting = splittings[metadata.string('tokenizer.ggml.pre', '')];
  if (metadata.string('tokenizer.ggml.model', '') !== 'gpt2' || !splitting) return null;
  const texts = metadata.strings('tokenizer.ggml.tokens', []);
  const types = metadata.numbers('tokenizer.ggml.token_type', []);
  const used = texts.flatMap((text, id) => (types[id] === tokenTypes.unused ? [] : [[text, id] as const]));
  const vocab = new Map(used);
  // Two ids of one text cannot both be in a tokenizer.json; a vocabulary without types hides its special tokens.
  if (vocab.size !== used.length || types.length !== texts.length) return null;
  return {
    'tokenizer.json': definition(metadata, { vocab, types, splitting }),
    'tokenizer_config.json': settings(metadata, splitting),
  };
}

interface Vocabulary {
  vocab: ReadonlyMap<string, number>;
  types: readonly number[];
  splitting: WordSplitting;
}

function definition(metadata: GgufMetadata, { vocab, types, splitting }: Vocabulary): JsonObject {
  const isAdded = (type: number | undefined): boolean =>
    type === tokenTypes.control || type === tokenTypes.userDefined || type === tokenTypes.unknown;
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: Array.from(vocab, ([content, id]) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: types[id] !== tokenTypes.userDefined,
    })).filter(({ id }) => isAdded(types[id])),
    normalizer: splitting.normalizer,
    pre_tokenizer: { type: 'Sequence', pretokenizers: splitting.pretokenizers },
    post_processor: postProcessor(metadata, splitting),
    decoder: byteLevel(true),
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: splitting.ignoresMerges,
      vocab: Object.fromEntries(vocab),
      merges: metadata.strings('tokenizer.ggml.merges', []),
    },
  };
}

/** The token of a role: its key's id and text, null where the header names none. */
function tokenOf(metadata: GgufMetadata, role: string): { id: number; text: string } | null {
  const id = metadata.integer(`tokenizer.ggml.${role}_token_id`, null);
  const text = id === null ? undefined : metadata.strings('tokenizer.ggml.tokens')[id];
  return id === null || text === undefined ? null : { id, text };
}

const addsBos = (metadata: GgufMetadata, splitting: WordSplitting): boolean =>
  metadata.boolean('tokenizer.ggml.add_bos_token', splitting.addsBos);

/** Puts BOS before and EOS behind a text where llama.cpp does. */
function postProcessor(metadata: GgufMetadata, splitting: WordSplitting): JsonObject | null {
  const bos = addsBos(metadata, splitting) ? tokenOf(metadata, 'bos') : null;
  const eos = metadata.boolean('tokenizer.ggml.add_eos_token', false) ? tokenOf(metadata, 'eos') : null;
  if (!bos && !eos) return null;
  const around = (sequence: string, type_id: number): JsonObject[] => [
    ...(bos ? [{ SpecialToken: { id: bos.text, type_id } }] : []),
    { Sequence: { id: sequence, type_id } },
    ...(eos ? [{ SpecialToken: { id: eos.text, type_id } }] : []),
  ];
  const tokens = [bos, eos].filter((token) => token !== null);
  return {
    type: 'TemplateProcessing',
    single: around('A', 0),
    pair: [...around('A', 0), ...around('B', 1)],
    special_tokens: Object.fromEntries(tokens.map(({ id, text }) => [text, { id: text, ids: [id], tokens: [text] }])),
  };
}

const roles = { bos_token: 'bos', eos_token: 'eos', unk_token: 'unknown', pad_token: 'padding' } as const;

function settings(metadata: GgufMetadata, splitting: WordSplitting): JsonObject {
  const named = Object.entries(roles).flatMap(([key, role]) => {
    const token = tokenOf(metadata, role);
    return token ? [[key, token.text] as const] : [];
  });
  const template = metadata.string('tokenizer.chat_template', null);
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    add_bos_token: addsBos(metadata, splitting),
    clean_up_tokenization_spaces: false,
    ...Object.fromEntries(named),
    ...(template === null ? {} : { chat_template: template }),
  };
}
