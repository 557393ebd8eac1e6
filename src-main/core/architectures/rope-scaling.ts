// Which scaling of rotary frequencies a config.json asks for: read here for the graphs and for the conversion to GGUF.
// Source: transformers 5 modeling_rope_utils.py (convert_rope_params_to_dict, standardize_rope_params, validate_rope).
import { malformed } from '../../contract/errors.ts';
import { isJsonObject } from '../formats/json-object.ts';
import type { JsonObject } from '../formats/json-object.ts';

export interface NamedScaling {
  /** In small letters; never `default`. */
  name: string;
  fields: JsonObject;
}

/** Llama 3.1's scaling: long waves are slowed down, short ones kept, those between interpolated. */
export interface RopeScaling {
  factor: number;
  lowFreqFactor: number;
  highFreqFactor: number;
  /** Tokens that the model was first made for. */
  originalContext: number;
}

/** The scaling of a parsed config.json, null for none: `rope_scaling`, since transformers 5 `rope_parameters`. */
export function namedScaling(config: JsonObject): NamedScaling | null {
  const fields = [config['rope_scaling'], config['rope_parameters']].find(isJsonObject);
  const value = fields?.['rope_type'] ?? fields?.['type'] ?? 'default';
  const name = (typeof value === 'string' ? value : JSON.stringify(value)).toLowerCase();
  return !fields || name === 'default' ? null : { name, fields };
}

/** A number above zero of a scaling; `file` is what errors call it. @throws FILE_MALFORMED when it is none */
export function scalingNumber({ fields }: NamedScaling, key: string, file: string): number {
  return positive(fields[key], key, file);
}

/**
 * The numbers of a `llama3` scaling. The context is asked for where transformers looks: beside the scaling, in it, and
 * else the model's own, `contextLength`.
 * @throws FILE_MALFORMED when a number is missing
 */
export function llama3Scaling(
  config: JsonObject,
  scaling: NamedScaling,
  { file, contextLength }: { file: string; contextLength: number | null },
): RopeScaling {
  const context = 'original_max_position_embeddings';
  return {
    factor: scalingNumber(scaling, 'factor', file),
    lowFreqFactor: scalingNumber(scaling, 'low_freq_factor', file),
    highFreqFactor: scalingNumber(scaling, 'high_freq_factor', file),
    originalContext: positive(config[context] ?? scaling.fields[context] ?? contextLength, context, file),
  };
}

function positive(value: unknown, key: string, file: string): number {
  if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value;
  const actual = value === undefined || value === null ? 'no such field' : JSON.stringify(value).slice(0, 100);
  const field = `rope_scaling.${key}`;
  throw malformed(file, `field ${field}`, { expected: 'a number above zero', actual, key: field });
}
