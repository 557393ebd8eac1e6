// Models that norm what a branch adds to the residual (Gemma 2 and 3, OLMo 2): told by their tensors, whatever they are
// called. W·diag(a) takes a norm's weight into the linears behind it; behind these norms there is only the addition.
import type { ModelSource } from '../formats/model-source.ts';

/** Such a norm in layer 0. Source: transformers modeling_gemma2.py, modeling_olmo2.py; gguf-py constants.py (FFN_POST_NORM). */
const postNorms = /^(.*\.)?layers\.0\.post_feedforward_layernorm\.weight$|^blk\.0\.post_ffw_norm\.weight$/;

/** Why the residual of such a model cannot be rotated; null for all others. */
export function postNormReason({ tensors }: Pick<ModelSource, 'tensors'>): string | null {
  const found = tensors.find(({ name }) => postNorms.test(name));
  if (!found) return null;
  return `it has norms behind its output projections, inside the branches that are added to the residual (${found.name}): their weights act on single channels of the residual, so no rotation passes them and it cannot be sliced`;
}
