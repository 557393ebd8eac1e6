// A model sliced block by block, seen through its family: tensors by their part, widths by site. Reads no weights.
import { AppError, malformed } from '../../../contract/errors.ts';
import type { SlicingConfig } from '../../../contract/results.ts';
import { claimPositions, describeModel, refuseStrays, TensorClaims } from '../../architectures/decoder.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import { globalTensorName } from '../../export/weights/decoder-tensors.ts';
import { configFileOf } from '../../formats/model-source.ts';
import type { ModelSource } from '../../formats/model-source.ts';
import { tensorRows } from '../../formats/tensor.ts';
import type { TensorEntry } from '../../formats/tensor.ts';
import type { SlicedRole } from './block-steps.ts';
import { hasHeadBias, headBiasName, layerForms } from './fused-form.ts';
import type { Described } from './fused-form.ts';
import { provenanceOf } from './provenance.ts';
import type { SliceProvenance } from './provenance.ts';
import { siteLayout, siteWidths } from './site-widths.ts';

type Shared = 'model' | 'architecture' | 'config' | 'embeddings' | 'positions' | 'lmHead' | 'lmHeadBias';

/** Its family's norms are RMS norms without weights: what LayerNorms did is in the weights. */
export interface SlicedDecoder extends Pick<Decoder, Shared> {
  readonly slicing: SlicingConfig;
  /** null where its folder does not say. */
  readonly provenance: SliceProvenance | null;
  /** Of all sites, in order. config.hiddenSize is still that of the dense model: norms divide by it. */
  readonly widths: readonly number[];
  readonly layers: readonly ReadonlyMap<SlicedRole, TensorEntry>[];
}

/**
 * Finds the tensors of a sliced model. `file` is what errors call the widths' source.
 * @throws UNSUPPORTED_ARCHITECTURE as openDecoder; FILE_MALFORMED when widths do not meet, or a tensor is missing or has
 * another shape than they say
 */
export function openSlicedDecoder(model: ModelSource, slicing: SlicingConfig, file: string): SlicedDecoder {
  const described = describeModel(model);
  const { architecture, config } = described;
  const widths = widthsOf(slicing, described, { model, file });
  const [first, last] = [widths[0]!, widths.at(-1)!];
  const tensors = new TensorClaims(model);
  const global = (role: 'embeddings' | 'lmHead', width: number): TensorEntry =>
    tensors.required(globalTensorName(described, role), [width, config.vocabSize]);
  const positionsName = architecture.globals.positions?.huggingFace ?? null;
  const decoder = {
    ...{ model, slicing, provenance: provenanceOf(model), widths, config: { ...config, tiedEmbeddings: false } },
    architecture: { ...architecture, norm: { ...architecture.norm, kind: 'rmsnorm' as const } },
    embeddings: global('embeddings', first),
    positions: claimPositions(tensors, positionsName, architecture, { ...config, hiddenSize: first }),
    lmHead: global('lmHead', last),
    lmHeadBias: hasHeadBias(architecture) ? tensors.required(headBiasName(described), [config.vocabSize]) : null,
    layers: Array.from({ length: config.numHiddenLayers }, (_, layer) => {
      const found = new Map<SlicedRole, TensorEntry>();
      for (const { role, name, shape, own, isOptional } of layerForms(described, widths, layer)) {
        const entry = isOptional ? tensors.optional(name, shape) : tensors.required(name, shape);
        if (entry) found.set(role, own ? tensorRows(entry, own.first, own.rows) : entry);
      }
      return found;
    }),
  };
  refuseStrays(tensors, decoder);
  return decoder;
}

function widthsOf(slicing: SlicingConfig, described: Described, { model, file }: { model: ModelSource; file: string }) {
  refuseOtherSize(slicing, described, { model, file });
  try {
    return siteWidths(slicing, siteLayout(described));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { key, expected, actual } = error.details as Record<'key' | 'expected' | 'actual', string>;
    throw malformed(file, key, { expected, actual });
  }
}

/** Two files say the hidden size; where the head is not cut, its weights say which of them is wrong. */
function refuseOtherSize(
  { hidden_size: size, do_slice_head: cutsHead }: SlicingConfig,
  { architecture, config }: Described,
  { model, file }: { model: ModelSource; file: string },
): void {
  if (size === config.hiddenSize) return;
  const configFile = configFileOf(model.path);
  const head = model.tensors.find(({ name }) => name === globalTensorName({ architecture }, 'lmHead'));
  if (!cutsHead && head?.shape[0] === size) {
    const expected = `${size}, as ${file} and the output layer have it`;
    throw malformed(configFile, 'hidden_size', { expected, actual: String(config.hiddenSize) });
  }
  const expected = `${config.hiddenSize}, as ${configFile} has it`;
  throw malformed(file, 'hidden_size', { expected, actual: String(size) });
}
