// Models that norm what a branch adds to the residual (Gemma 2 and 3, OLMo 2): told by their tensors, whatever they are
// called, and by their family where the tensors have other names. W·diag(a) takes a norm's weight into the linears behind
// it; behind these norms there is only the addition.
import type { ModelSource } from '../formats/model-source.ts';

/**
 * Such a norm in layer 0. Source: transformers modeling_gemma2.py, modeling_olmo2.py, modeling_glm4.py; gguf-py
 * constants.py (FFN_POST_NORM).
 */
const postNorms =
  /^(.*\.)?layers\.0\.post_(feedforward_layernorm|mlp_layernorm)\.weight$|^blk\.0\.post_ffw_norm\.weight$/;

/** Families all of whose models have them, by model_type and as GGUF files call them. Source: as above (MODEL_TENSORS). */
const postNormFamilies = /^(gemma2|gemma3|gemma3n|gemma4|gemma-embedding|olmo2|olmo3|exaone4|glm4)(_text)?$/;

/** Why the residual of such a model cannot be rotated; null for all others. */
export function postNormReason({ tensors, config }: Pick<ModelSource, 'tensors' | 'config'>): string | null {
  const found = tensors.find(({ name }) => postNorms.test(name));
  if (!found && !postNormFamilies.test(config.architecture)) return null;
  const where = found ? found.name : `as all ${config.architecture} models have`;
  return `it has norms behind its output projections, inside the branches that are added to the residual (${where}): their weights act on single channels of the residual, so no rotation passes them and it cannot be sliced`;
}
