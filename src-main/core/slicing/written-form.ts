// The GGUF architecture that a sliced model is written as. llama.cpp's graph of `qwen2` refuses a width other than
// heads × head size; its graph of `llama` takes any, and biases too. So families of llama's form are written as `llama`,
// whose rotation wants the rows of q and k in pairs; a family with norms on heads, which `llama` lacks, keeps its own
// architecture (method.md 3).
import type { Decoder } from '../architectures/decoder.ts';

export interface WrittenForm {
  /** general.architecture. */
  architecture: string;
  /** Rows of q and k go from halves, as the source has them, to pairs. */
  interleaves: boolean;
}

export function writtenForm({ architecture, model }: Decoder): WrittenForm {
  const hasHeadNorms = architecture.layer.qNorm !== undefined || architecture.layer.kNorm !== undefined;
  const wanted = hasHeadNorms ? architecture.ggufQueryKeyRows : 'interleaved';
  const source = model.kind === 'gguf' ? architecture.ggufQueryKeyRows : 'halves';
  return {
    architecture: hasHeadNorms ? (architecture.ggufArchitectures[0] ?? architecture.name) : 'llama',
    interleaves: wanted === 'interleaved' && source === 'halves',
  };
}
