// What an ONNX graph has to know of a decoder, whether it is dense or was sliced block by block.
import type {
  Architecture,
  BlockParts,
  DecoderConfig,
  GlobalRole,
  LayerRole,
} from '../../architectures/architecture.ts';
import type { ModelSource } from '../../formats/model-source.ts';
import type { TensorEntry } from '../../formats/tensor.ts';
import type { Value } from '../../graph/graph-builder.ts';
import type { DecoderTensor } from '../weights/decoder-tensors.ts';
import type { PortableGraph } from './portable-graph.ts';

/** How one layer goes on from its rows: its norms, and what puts rows and branches together. */
export type ResidualParts = Pick<BlockParts, 'norm' | 'residual'>;

export interface ExportedLayer {
  roles: ReadonlySet<LayerRole>;
  /** Name of a role's tensor. */
  nameOf: (role: LayerRole) => string;
  residualParts: (g: PortableGraph) => ResidualParts;
}

export interface ExportedForm {
  model: ModelSource;
  architecture: Architecture;
  config: DecoderConfig;
  /** Columns of the embeddings. */
  width: number;
  /** All that become initializers. */
  tensors: readonly DecoderTensor[];
  /** Name of a tensor outside of the layers, null where there is none; of a tied head that of the embeddings. */
  nameOf: (role: GlobalRole) => string | null;
  layers: readonly ExportedLayer[];
  finalNorm: (g: PortableGraph, rows: Value) => Value;
  ropeDivisors: TensorEntry | null;
}
