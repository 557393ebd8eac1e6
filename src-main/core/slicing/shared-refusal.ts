// Which models can be sliced by one shared rotation: those whose rotated form a GGUF runner has. Rotation leaves weight-free
// RMS norms; everything else of a block has to have a part in the family that is written (written-form.ts).
import { AppError } from '../../contract/errors.ts';
import { graphRefusal } from '../architectures/graph-refusal.ts';
import { openDecoder } from '../architectures/decoder.ts';
import type { Decoder } from '../architectures/decoder.ts';
import type { ModelSource } from '../formats/model-source.ts';

/** What the written family cannot have; null where a shared slice of the decoder can be written. */
export function sharedFormReason({ architecture, config }: Decoder): string | null {
  const { norm, blockLayout, positions } = architecture;
  if (norm.kind === 'layernorm') {
    return 'rotation makes its LayerNorms RMS norms, and no GGUF runner has its blocks in that form';
  }
  if (blockLayout === 'parallel') return 'no GGUF runner has its parallel blocks with RMS norms';
  if (positions.kind === 'learned') return 'its learned positions have no part in a sliced GGUF';
  if (config.rotaryDim !== config.headDim) {
    return `its rotary embeddings turn ${config.rotaryDim} of ${config.headDim} dimensions of a head, those of a sliced GGUF turn all`;
  }
  return config.activation === 'silu' ? null : 'the MLP of a sliced GGUF uses SiLU, its own does not';
}

function message({ path }: ModelSource, reason: string): string {
  return `${path} cannot be sliced by one shared rotation: ${reason}. Block by block it can be: \`snug slice --method per-block\`.`;
}

/** Why an open model cannot be sliced by a shared rotation: it has no graphs, or the sliced model no form. Reads no weights. */
export function sharedSliceRefusal(model: ModelSource): string | null {
  const refusal = graphRefusal(model);
  if (refusal !== null) return refusal;
  const reason = sharedFormReason(openDecoder(model));
  return reason === null ? null : message(model, reason);
}

/** @throws UNSUPPORTED_ARCHITECTURE where the sliced model has no form */
export function requireSharedForm(decoder: Decoder): void {
  const reason = sharedFormReason(decoder);
  if (reason === null) return;
  const { model, architecture } = decoder;
  const details = { path: model.path, architecture: architecture.name, reason };
  throw new AppError('UNSUPPORTED_ARCHITECTURE', message(model, reason), details);
}
