// What every tensor of a sliced model is made of, decided before a weight is transformed. Letters: D hidden size, d width,
// Q [D, d] the kept directions, s = sqrt(d / D).
// With embedding and output projections times s, and every norm weight 1 / s, the runner's norm over d columns divides
// by what the dense model divides by: sum(x²) / d = sum((Qᵀx)²) / D, eps included. So eps stays, and QK-norms with it
// (method.md 3: exact to 3e-14). Norm weights move into the linears behind them: W·diag(a) (SliceGPT §3.2).
import type { LayerRole, LinearRole } from '../architectures/architecture.ts';
import type { Decoder } from '../architectures/decoder.ts';
import { decoderGlobals } from '../architectures/layer-tensors.ts';
import { ropeDivisors } from '../architectures/rope.ts';
import type { TensorEntry, TensorShape } from '../formats/tensor.ts';
import { inLlamaOrder } from '../quantization/tensor-order.ts';
import type { WrittenForm } from './written-form.ts';

export type TensorTransform =
  /** scale·W·diag(norm)·Q: [out, D] to [out, d]. `norm` null for ones. */
  | { kind: 'columns'; source: TensorEntry; norm: TensorEntry | null; scale: number; interleaves: boolean }
  /** scale·Qᵀ·W: [D, in] to [d, in]; a bias [D] to [d]. */
  | { kind: 'rows'; source: TensorEntry; scale: number }
  /** As it is; rows of heads from halves to pairs where the written form wants them so. */
  | { kind: 'copy'; source: TensorEntry; interleaves: boolean }
  | { kind: 'values'; values: Float64Array };

export interface SlicedTensor extends TensorShape {
  /** Before any quantisation. */
  type: 'F32';
  transform: TensorTransform;
}

export interface SlicedPlan {
  /** In llama.cpp's order. */
  tensors: readonly SlicedTensor[];
  /** The output layer is still the embedding matrix. */
  tiedEmbeddings: boolean;
}

export interface PlanOptions {
  decoder: Decoder;
  width: number;
  form: WrittenForm;
  /** The last norm's weight where all its elements are equal: only then a tie survives; null otherwise. */
  constantFinalNorm: number | null;
}

/** Plans the sliced file. A tie that does not survive costs V·d elements. */
export function planSlicedTensors(options: PlanOptions): SlicedPlan {
  const { decoder, width, constantFinalNorm } = options;
  const { hiddenSize, vocabSize, tiedEmbeddings: wasTied, numHiddenLayers } = decoder.config;
  const scale = Math.sqrt(width / hiddenSize);
  const tiedEmbeddings = wasTied && constantFinalNorm !== null;
  const matrix = { type: 'F32', shape: [width, vocabSize] } as const;
  const columns = { kind: 'columns', interleaves: false } as const;
  const head: SlicedTensor = {
    ...matrix,
    name: decoderGlobals.lmHead.gguf,
    transform: { ...columns, source: decoder.lmHead, norm: decoder.finalNorm, scale: 1 },
  };
  // Tied: logits = s·E·Q · w · s·RMSN(…) have to be c·E·Q·RMSN(…), so w = c / s².
  const finalWeight = tiedEmbeddings ? constantFinalNorm * (hiddenSize / width) : 1 / scale;
  const tensors: SlicedTensor[] = [
    {
      ...matrix,
      name: decoderGlobals.embeddings.gguf,
      transform: { ...columns, source: decoder.embeddings, norm: null, scale },
    },
    vector(decoderGlobals.finalNorm.gguf, constant(width, finalWeight)),
    ...(tiedEmbeddings ? [] : [head]),
    ...ropeTensors(decoder),
    ...Array.from({ length: numHiddenLayers }, (_, layer) => layerTensors(options, layer, scale)).flat(),
  ];
  return { tensors: inLlamaOrder(tensors), tiedEmbeddings };
}

const vector = (name: string, values: Float64Array): SlicedTensor => ({
  name,
  type: 'F32',
  shape: [values.length],
  transform: { kind: 'values', values },
});

const constant = (length: number, value: number): Float64Array => new Float64Array(length).fill(value);

/** rope_freqs.weight: the file's own, or what a config.json's scaling comes to. */
function ropeTensors({ ropeDivisors: entry, config }: Decoder): SlicedTensor[] {
  const name = decoderGlobals.ropeDivisors.gguf;
  if (entry) return [{ name, type: 'F32', shape: entry.shape, transform: copy(entry, false) }];
  if (!config.ropeScaling) return [];
  return [vector(name, ropeDivisors(config.ropeScaling, config.ropeTheta, config.rotaryDim))];
}

const copy = (source: TensorEntry, interleaves: boolean): TensorTransform => ({ kind: 'copy', source, interleaves });

function layerTensors({ decoder, width, form }: PlanOptions, layer: number, scale: number): SlicedTensor[] {
  const { architecture } = decoder;
  const entries = decoder.layers[layer]!;
  const outputs = new Set<string>([architecture.attentionOutput, architecture.mlpOutput]);
  const isHeadRows = (role: LayerRole): boolean => /^[qk](Bias)?$/.test(role);
  const normOf = (role: LayerRole): TensorEntry | null => {
    if (architecture.attentionInputs.includes(role as LinearRole)) return entries.get('attentionNorm')!;
    return architecture.mlpInputs.includes(role as LinearRole) ? entries.get('mlpNorm')! : null;
  };
  return Array.from(entries, ([role, source]): SlicedTensor => {
    const name = `blk.${layer}.${form.layer[role]!.gguf}`;
    const interleaves = form.interleaves && isHeadRows(role);
    const norm = normOf(role);
    if (role === 'attentionNorm' || role === 'mlpNorm') return vector(name, constant(width, 1 / scale));
    if (norm) {
      const shape = [width, source.shape[1]!];
      return { name, type: 'F32', shape, transform: { kind: 'columns', source, norm, scale: 1, interleaves } };
    }
    if (outputs.has(role.replace(/Bias$/, ''))) {
      const shape = [...source.shape.slice(0, -1), width];
      return { name, type: 'F32', shape, transform: { kind: 'rows', source, scale } };
    }
    return { name, type: 'F32', shape: source.shape, transform: copy(source, interleaves) };
  });
}
