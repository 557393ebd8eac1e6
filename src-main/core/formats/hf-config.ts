// Reads the config.json of a Hugging Face folder into checked fields. Families name the same thing differently:
// each field lists the names that occur, the usual one first. Source: transformers models/*/configuration_*.py.
import { malformed } from '../../contract/errors.ts';
import { isJsonObject } from './json-object.ts';
import type { JsonObject } from './json-object.ts';
import type { ModelConfig, ModelExperts } from './model-config.ts';

export interface HfConfig {
  modelType: string;
  /** tiedEmbeddings is null where the file is silent: then the presence of a head decides. */
  config: Omit<ModelConfig, 'tiedEmbeddings'> & { tiedEmbeddings: boolean | null };
  experts: ModelExperts | null;
}

/** Where multimodal models keep the fields of their language model. */
const nestedKeys = ['text_config', 'llm_config', 'language_config'];

/**
 * Checks a parsed config.json; `file` is what errors call it.
 * @throws FILE_MALFORMED with the key, when a needed field is missing or a field has an impossible value
 */
export function readHfConfig(file: string, json: JsonObject): HfConfig {
  const nested = nestedKeys.map((key) => json[key]).find(isJsonObject);
  const fields = new ConfigFields(file, { ...json, ...nested });
  // That of the whole model: its language part often has another.
  const modelType = new ConfigFields(file, json).name('model_type');
  const hiddenSize = fields.needed('hidden_size', 'n_embd', 'd_model');
  const numAttentionHeads = fields.size('num_attention_heads', 'n_head', 'n_heads', 'num_heads');
  const isMultiQuery = fields.flag('multi_query') === true && fields.flag('new_decoder_architecture') !== true;
  return {
    modelType,
    config: {
      architecture: modelType,
      hiddenSize,
      numHiddenLayers: fields.needed('num_hidden_layers', 'n_layer', 'n_layers', 'num_layers'),
      numAttentionHeads,
      numKeyValueHeads:
        fields.size('num_key_value_heads', 'num_kv_heads', 'n_head_kv') ?? (isMultiQuery ? 1 : numAttentionHeads),
      headDim: fields.size('head_dim') ?? evenShare(hiddenSize, numAttentionHeads),
      intermediateSize: fields.size('intermediate_size', 'n_inner', 'ffn_dim', 'ffn_hidden_size', 'd_ff'),
      vocabSize: fields.needed('vocab_size'),
      contextLength: fields.size('max_position_embeddings', 'n_positions', 'n_ctx', 'max_seq_len', 'seq_length'),
      ropeTheta:
        fields.positive('rope_theta', 'rotary_emb_base') ??
        fields.inside('rope_parameters')?.positive('rope_theta') ??
        null,
      normEps: fields.positive(
        'rms_norm_eps',
        'layer_norm_eps',
        'layer_norm_epsilon',
        'norm_epsilon',
        'norm_eps',
        'layernorm_epsilon',
      ),
      tiedEmbeddings: fields.flag('tie_word_embeddings'),
    },
    experts: readExperts(fields),
  };
}

function readExperts(fields: ConfigFields): ModelExperts | null {
  const count = fields.size('num_experts', 'n_routed_experts', 'num_local_experts');
  if (count === null) return null;
  const sharedWidth = fields.size('shared_expert_intermediate_size');
  return {
    count,
    used: fields.size('num_experts_per_tok', 'num_experts_per_token', 'experts_per_token', 'moe_topk'),
    sharedCount: fields.size('n_shared_experts', 'num_shared_experts') ?? (sharedWidth === null ? 0 : 1),
  };
}

/** Heads share the hidden size evenly, unless a model says otherwise. */
function evenShare(hiddenSize: number, heads: number | null): number | null {
  return heads !== null && hiddenSize % heads === 0 ? hiddenSize / heads : null;
}

class ConfigFields {
  readonly #file: string;
  readonly #json: JsonObject;

  constructor(file: string, json: JsonObject) {
    this.#file = file;
    this.#json = json;
  }

  #fail(key: string, expected: string): never {
    const value = this.#json[key];
    const actual = value === undefined ? 'no such field' : JSON.stringify(value).slice(0, 100);
    throw malformed(this.#file, `field ${key}`, { expected, actual, key });
  }

  /** The first of `keys` that has a value. */
  #find(keys: string[]): string | null {
    return keys.find((key) => this.#json[key] !== undefined && this.#json[key] !== null) ?? null;
  }

  name(key: string): string {
    const value = this.#json[key];
    return typeof value === 'string' && value !== '' ? value : this.#fail(key, 'a name');
  }

  /** A whole number above zero; of a list, which some models have per layer, the largest. Zero or none: null. */
  size(...keys: string[]): number | null {
    const key = this.#find(keys);
    if (key === null) return null;
    const value = this.#json[key];
    const sizes: unknown[] = Array.isArray(value) ? value : [value];
    const largest = sizes.reduce((max: number, size) => Math.max(max, typeof size === 'number' ? size : NaN), 0);
    const isValid = sizes.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
    return isValid ? largest || null : this.#fail(key, 'a whole number, not negative');
  }

  needed(...keys: [string, ...string[]]): number {
    return (
      this.size(...keys) ??
      this.#fail(
        this.#find(keys) ?? keys[0],
        `a whole number above zero${keys.length > 1 ? ` (or as ${keys.slice(1).join(', ')})` : ''}`,
      )
    );
  }

  positive(...keys: string[]): number | null {
    const key = this.#find(keys);
    if (key === null) return null;
    const value = this.#json[key];
    return typeof value === 'number' && value > 0 && Number.isFinite(value)
      ? value
      : this.#fail(key, 'a number above zero');
  }

  flag(key: string): boolean | null {
    if (this.#find([key]) === null) return null;
    const value = this.#json[key];
    return typeof value === 'boolean' ? value : this.#fail(key, 'true or false');
  }

  inside(key: string): ConfigFields | null {
    const value = this.#json[key];
    return isJsonObject(value) ? new ConfigFields(this.#file, value) : null;
  }
}
