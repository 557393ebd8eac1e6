// Reads a model's configuration from GGUF metadata, for every architecture: keys are prefixed with its name.
// Source: llama.cpp src/llama-arch.cpp (LLM_KV_NAMES) and src/llama-model.cpp (load_hparams) with its defaults.
import { malformed } from '../../contract/errors.ts';
import type { GgufMetadata } from './gguf-values.ts';
import type { ModelConfig, ModelExperts } from './model-config.ts';
import type { TensorEntry } from './tensor.ts';

export interface GgufConfig {
  config: ModelConfig;
  experts: ModelExperts | null;
}

/**
 * What a GGUF file says of its model; a key that is not there gives null, or llama.cpp's default.
 * @throws FILE_MALFORMED with the key, when a value has a wrong type or is impossible, or the architecture is missing
 */
export function readGgufConfig(metadata: GgufMetadata, tensors: readonly TensorEntry[]): GgufConfig {
  const architecture = metadata.string('general.architecture');
  const fields = new PrefixedKeys(metadata, architecture);
  const hiddenSize = fields.size('embedding_length');
  const numAttentionHeads = fields.size('attention.head_count');
  const evenHeadDim =
    hiddenSize !== null && numAttentionHeads !== null && hiddenSize % numAttentionHeads === 0
      ? hiddenSize / numAttentionHeads
      : null;
  return {
    config: {
      architecture,
      hiddenSize,
      numHiddenLayers: fields.size('block_count'),
      numAttentionHeads,
      numKeyValueHeads: fields.size('attention.head_count_kv') ?? numAttentionHeads,
      // With multi-head latent attention key_length is that of the compressed cache, key_length_mla that of a head.
      headDim: fields.size('attention.key_length_mla') ?? fields.size('attention.key_length') ?? evenHeadDim,
      intermediateSize: fields.size('feed_forward_length') ?? fields.size('expert_feed_forward_length'),
      vocabSize: vocabularySize(metadata, tensors) ?? fields.size('vocab_size'),
      contextLength: fields.size('context_length'),
      ropeTheta: fields.positive('rope.freq_base'),
      normEps: fields.positive('attention.layer_norm_rms_epsilon') ?? fields.positive('attention.layer_norm_epsilon'),
      tiedEmbeddings: !tensors.some((entry) => entry.name === 'output.weight'),
    },
    experts: readExperts(fields),
  };
}

function readExperts(fields: PrefixedKeys): ModelExperts | null {
  const count = fields.size('expert_count');
  if (count === null) return null;
  const sharedWidth = fields.size('expert_shared_feed_forward_length');
  return {
    count,
    used: fields.size('expert_used_count'),
    sharedCount: fields.size('expert_shared_count') ?? (sharedWidth === null ? 0 : 1),
  };
}

function vocabularySize(metadata: GgufMetadata, tensors: readonly TensorEntry[]): number | null {
  const tokens = metadata.get('tokenizer.ggml.tokens');
  if (tokens?.type === 'array' && tokens.value.length > 0) return tokens.value.length;
  return tensors.find((entry) => entry.name === 'token_embd.weight')?.shape[1] ?? null;
}

class PrefixedKeys {
  readonly #metadata: GgufMetadata;
  readonly #prefix: string;

  constructor(metadata: GgufMetadata, architecture: string) {
    this.#metadata = metadata;
    this.#prefix = `${architecture}.`;
  }

  /** A size; of an array, which some models have per layer, the largest value. Missing or zero (no such thing): null. */
  size(name: string): number | null {
    const key = this.#prefix + name;
    const isArray = this.#metadata.get(key)?.type === 'array';
    const values = isArray ? this.#metadata.numbers(key) : [this.#metadata.integer(key, 0)];
    if (!values.every((value) => Number.isSafeInteger(value) && value >= 0)) {
      throw malformed(this.#metadata.file, `key ${key}`, {
        expected: 'whole numbers, not negative',
        actual: values.slice(0, 10).join(', '),
        key,
      });
    }
    // Not Math.max(...values): an array from a file may be longer than an argument list.
    return values.reduce((max, value) => Math.max(max, value), 0) || null;
  }

  positive(name: string): number | null {
    const key = this.#prefix + name;
    const value = this.#metadata.number(key, null);
    if (value === null) return null;
    if (value <= 0)
      throw malformed(this.#metadata.file, `key ${key}`, {
        expected: 'a number above zero',
        actual: String(value),
        key,
      });
    return shortestFloat(value);
  }
}

/** The shortest decimal number that is `value` in float32: 1e-5 rather than 0.000009999999747378752. */
function shortestFloat(value: number): number {
  for (let digits = 1; digits <= 9; digits += 1) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return rounded;
  }
  return value;
}
