// The families that folders are converted of. A new one: one file beside this, one line here.
import { AppError } from '../../../../contract/errors.ts';
import type { Family } from './family.ts';
import { llama } from './llama.ts';
import { mistral } from './mistral.ts';
import { phi } from './phi.ts';
import { phi3 } from './phi3.ts';
import { qwen2 } from './qwen2.ts';
import { qwen3 } from './qwen3.ts';
import { seedOss } from './seed-oss.ts';

const families: readonly Family[] = [llama, mistral, qwen2, qwen3, seedOss, phi, phi3];

/** The family of a `model_type`. @throws UNSUPPORTED_ARCHITECTURE with the list of those that are built */
export function familyOf(modelType: string, path: string): Family {
  const family = families.find((known) => known.modelType === modelType);
  if (family) return family;
  const supported = families.map((known) => known.modelType);
  throw new AppError(
    'UNSUPPORTED_ARCHITECTURE',
    `${path} is a model of type ${modelType}, which Snug does not convert to GGUF; it converts ${supported.join(', ')}. ` +
      `Where llama.cpp has the family, convert it with its convert_hf_to_gguf.py, or get the model as GGUF.`,
    { path, modelType, supported },
  );
}
