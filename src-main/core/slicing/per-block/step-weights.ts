// The weights of one step: turned into the basis of its input for the run, then into that of its output for the file.
// Products in float64; whoever writes a tensor casts it, once. Letters: D hidden size, n and o widths of input and output.
import type { LayerRole, LinearRole, NormRole } from '../../architectures/architecture.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import type { TensorEntry } from '../../formats/tensor.ts';
import { hasInterleavedRows, readLayerTensor, separateHalves } from '../../graph/block-weights.ts';
import type { GraphTensor } from '../../graph/block-runner.ts';
import type { Dequantize } from '../../graph/float-values.ts';
import { centreColumns, centreRows, fusedRoles, fuseLinear } from '../../graph/fusion.ts';
import type { Floats, FloatPrecision, LinearAlgebra } from '../../linear-algebra/linear-algebra.ts';
import { slicedRowReader } from '../transform-tensor.ts';
import type { TensorTransform } from '../sliced-tensors.ts';
import { rolesOfStep } from './block-steps.ts';
import type { BlockStep } from './block-steps.ts';
import { shortcutName, slicedTensorName } from './fused-form.ts';

/** All elements of a tensor in order. A part may be overwritten when the next one is asked for. */
export type TensorParts = Iterable<Floats> | AsyncIterable<Floats>;

/** Takes the tensors of a sliced model as they are made, in the type that they are made or kept in. */
export type WriteTensor = (name: string, parts: TensorParts) => Promise<void>;

/** Kept directions of a site: [width, size] float64, orthonormal rows. */
export interface Directions {
  basis: Float64Array;
  width: number;
  size: number;
}

export interface StepContext {
  decoder: Decoder;
  dequantize: Dequantize;
  linearAlgebra: LinearAlgebra;
  /** What weights that a step runs with are kept in until they are written. float64 rounds nothing before `write` and takes three
   * times the memory: for tests of the arithmetic. @default 'float32' */
  keptWeights?: FloatPrecision;
  signal: AbortSignal;
}

const columns = { kind: 'columns', scale: 1, interleaves: false } as const;
const turnedRows = { kind: 'rows', scale: 1 } as const;

/** A tensor in another basis, in parts of rows, float64. @throws NON_FINITE naming the tensor, NUMERICAL_FAILURE */
export async function* turnedTensor(
  { decoder, dequantize, linearAlgebra, signal }: StepContext,
  name: string,
  transform: TensorTransform & { source: TensorEntry },
  { basis, width, size }: Directions,
): AsyncGenerator<Floats, void> {
  const { model, config } = decoder;
  const rotation = { basis, width, size };
  const read = slicedRowReader({
    ...{ model, rotation, headDim: config.headDim, arithmetic: 'float64', dequantize, linearAlgebra, signal },
  });
  const count = transform.kind === 'rows' ? width : (transform.source.shape[1] ?? 1);
  yield* read({ name, transform }, { first: 0, count });
}

async function whole<Array extends Floats>(parts: AsyncIterable<Floats>, values: Array): Promise<Array> {
  let place = 0;
  for await (const part of parts) {
    values.set(part, place);
    place += part.length;
  }
  return values;
}

export interface StepWeights {
  /** By role, for the step's graph: columns turned, rows as the dense model has them. */
  feeds: Record<string, GraphTensor>;
  /** Writes the step's tensors once the basis of its output is known. */
  finish(output: Directions, write: WriteTensor): Promise<void>;
}

/** Reads the weights of a step of `layer`: W·diag(a)·Q[:, :n] and b + W·β of those that read, float32. @throws NON_FINITE */
export async function stepWeights(
  context: StepContext,
  layer: number,
  step: BlockStep,
  input: Directions,
): Promise<StepWeights> {
  const { decoder, keptWeights = 'float32' } = context;
  const { architecture, config } = decoder;
  const tensors = decoder.layers[layer]!;
  const Type = keptWeights === 'float64' ? Float64Array : Float32Array;
  const nameOf = (role: LayerRole): string => slicedTensorName(decoder, layer, role);
  // What LayerNorm would take away from the residual, its linears no longer write (core/graph/fusion.ts).
  const isCentred = architecture.norm.kind === 'layernorm';
  const writes = (role: LayerRole): boolean =>
    step.outputs.some((linear) => role === linear || role === `${linear}Bias`);
  const roles = rolesOfStep(step, fusedRoles(architecture, tensors.keys()));
  const feeds: Record<string, GraphTensor> = {};
  /** What the file has as the run has it: all but what writes to the residual. */
  const kept = new Map<LayerRole, Floats>();
  const take = (role: LayerRole, values: Floats, shape: number[]): void => {
    kept.set(role, values);
    feeds[role] = { data: values instanceof Float32Array ? values : new Float32Array(values), shape };
  };
  for (const role of roles) {
    const linear = step.inputs.find((candidate) => role === candidate || role === `${candidate}Bias`);
    if (linear === role) {
      const source = tensors.get(linear)!;
      const rows = source.shape[1]!;
      const transform = { ...columns, source, norm: tensors.get(step.norm)! };
      const data = await whole(turnedTensor(context, nameOf(role), transform, input), new Type(rows * input.width));
      if (hasInterleavedRows(decoder, role)) separateHalves(data, config.headDim, input.width);
      take(role, data, [rows, input.width]);
    } else if (linear) {
      const data = await fusedBias(context, layer, linear, step.norm);
      take(role, data, [data.length]);
    } else {
      const data = await readLayerTensor(decoder, [layer, role], context.dequantize);
      if (isCentred && writes(role)) centreColumns(data, config.hiddenSize);
      take(role, data, tensors.get(role)!.shape.toReversed());
    }
  }

  return {
    feeds,
    async finish(output, write) {
      const directions = isCentred ? { ...output, basis: centredBasis(output) } : output;
      const partsOf = (role: LayerRole): TensorParts =>
        writes(role)
          ? turnedTensor(context, nameOf(role), { ...turnedRows, source: tensors.get(role)! }, directions)
          : [kept.get(role)!];
      // Linears that share a tensor are its rows one after the other.
      for (const [name, parts] of Map.groupBy(roles, nameOf)) await write(name, joined(parts.map(partsOf)));
      const name = shortcutName(decoder, layer, step.shortcut);
      const product = await context.linearAlgebra.gemm(
        {
          ...{ what: name, rows: input.width, inner: input.size, columns: output.width },
          ...{ a: input.basis, b: output.basis, transposeB: true },
        },
        context.signal,
      );
      await write(name, [product]);
    },
  };
}

async function* joined(all: readonly TensorParts[]): AsyncGenerator<Floats, void> {
  for (const parts of all) yield* parts;
}

/** b + W·β of a linear behind a norm with bias β, or its own b. */
async function fusedBias(
  { decoder, dequantize, keptWeights = 'float32' }: StepContext,
  layer: number,
  linear: LinearRole,
  norm: NormRole,
): Promise<Floats> {
  const tensors = decoder.layers[layer]!;
  const read = async (role: LayerRole): Promise<Floats> => {
    const values = await readLayerTensor(decoder, [layer, role], dequantize);
    return keptWeights === 'float64' ? Float64Array.from(values) : values;
  };
  const own = tensors.has(`${linear}Bias`) ? await read(`${linear}Bias`) : null;
  if (!tensors.has(`${norm}Bias`)) return own!;
  const weights = { weight: await read(norm), bias: await read(`${norm}Bias`) };
  return fuseLinear(await read(linear), own, weights)!;
}

/** E with centred rows, times Q, is E times Q with centred columns; Qᵀ times W with centred columns likewise. */
export function centredBasis({ basis, size }: Directions): Float64Array {
  const result = basis.slice();
  centreRows(result, size);
  return result;
}
