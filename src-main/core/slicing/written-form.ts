// The family that a sliced model is written as. llama.cpp's graph of `qwen2` refuses a width other than heads × head
// size; its graph of `llama` takes any, and biases too. So a family whose every tensor has a part in llama is written as
// `llama`, under llama's names, whose rotation wants the rows of q and k in pairs; a family with more, such as norms on
// heads, stays what it is (method.md 3).
import type { LayerTensors } from '../architectures/architecture.ts';
import type { Decoder } from '../architectures/decoder.ts';
import { llama } from '../architectures/llama.ts';

export interface WrittenForm {
  /** general.architecture. */
  architecture: string;
  /** What the tensors of a layer are called. */
  layer: LayerTensors;
  /** Rows of q and k go from halves, as the source has them, to pairs. */
  interleaves: boolean;
}

export function writtenForm({ architecture, model }: Decoder): WrittenForm {
  const isOfLlamaForm = Object.keys(architecture.layer).every((role) => role in llama.layer);
  const family = isOfLlamaForm ? llama : architecture;
  const source = model.kind === 'gguf' ? architecture.ggufQueryKeyRows : 'halves';
  return {
    architecture: family.ggufArchitectures[0] ?? family.name,
    layer: family.layer,
    interleaves: family.ggufQueryKeyRows === 'interleaved' && source === 'halves',
  };
}
