// The SlicingConfig of SliceGPT's reference code (TransformerCompression, slicing_scheduler.py), as its JSON has it:
// the width of every site, by the number of its layer.
import type { Decoder } from '../architectures/decoder.ts';

export interface SlicingConfig {
  hidden_size: number;
  layers_num: number;
  do_slice_head: boolean;
  parallel_blocks: boolean;
  embedding_dimensions: Record<string, number>;
  attention_input_dimensions: Record<string, number>;
  attention_output_dimensions: Record<string, number>;
  mlp_input_dimensions: Record<string, number>;
  mlp_output_dimensions: Record<string, number>;
  head_dimension: number;
  /** Only of models whose file lost the widths of its sites. */
  const_dimension: number | null;
}

/** The SlicingConfig of a shared slice: one width everywhere, the head's included. */
export function sharedSlicingConfig({ config }: Decoder, width: number): SlicingConfig {
  const perLayer = (): Record<string, number> =>
    Object.fromEntries(Array.from({ length: config.numHiddenLayers }, (_, layer) => [String(layer), width]));
  return {
    hidden_size: config.hiddenSize,
    layers_num: config.numHiddenLayers,
    do_slice_head: true,
    parallel_blocks: false,
    embedding_dimensions: { '0': width },
    attention_input_dimensions: perLayer(),
    attention_output_dimensions: perLayer(),
    mlp_input_dimensions: perLayer(),
    mlp_output_dimensions: perLayer(),
    head_dimension: width,
    const_dimension: null,
  };
}
