// The SlicingConfig of SliceGPT's reference code (TransformerCompression, slicing_scheduler.py), as its JSON has it:
// the width of every site, by the number of its layer.
import type { SlicingConfig } from '../../contract/results.ts';
import type { Decoder } from '../architectures/decoder.ts';

/** The file in a folder that says how its model was sliced. */
export const slicingFile = 'slicing.json';

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
