// The weights of one step: as the dense model has them, norms fused, for its run; then for the file, turned into the bases of
// its input and output. Products in float64; whoever writes a tensor casts it, once. Letters: D hidden size, n and o widths
// of input and output.
import type { LayerRole, LinearRole, NormRole } from '../../architectures/architecture.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import type { TensorEntry } from '../../formats/tensor.ts';
import { blockWeightReader, hasInterleavedRows, readLayerTensor, separateHalves } from '../../graph/block-weights.ts';
import type { BlockWeights } from '../../graph/block-weights.ts';
import type { Dequantize } from '../../graph/float-values.ts';
import { centreRows, fusedRoles, fuseLinear } from '../../graph/fusion.ts';
import type { Floats, LinearAlgebra } from '../../linear-algebra/linear-algebra.ts';
import { slicedRowReader } from '../transform-tensor.ts';
import type { RowBuffers } from '../transform-tensor.ts';
import type { TensorTransform } from '../sliced-tensors.ts';
import { rolesOfStep } from './block-steps.ts';
import type { BlockStep } from './block-steps.ts';
import { shortcutName, slicedTensorName } from './fused-form.ts';

/** All elements of a tensor in order. A part may be overwritten when the next one is asked for. */
export type TensorParts = Iterable<Floats> | AsyncIterable<Floats>;

/** Takes the tensors of a sliced model as they are made. */
export type WriteTensor = (name: string, parts: TensorParts) => Promise<void>;

/** Kept directions of a site: orthonormal rows, float64. */
export interface Directions {
  /** [width, size]. */
  basis: Float64Array;
  width: number;
  size: number;
}

export interface StepContext {
  decoder: Decoder;
  dequantize: Dequantize;
  linearAlgebra: LinearAlgebra;
  signal: AbortSignal;
  /** Of what is made for the file: one tensor after the other. */
  buffers: RowBuffers;
}

const columns = { kind: 'columns', scale: 1, interleaves: false } as const;
const turnedRows = { kind: 'rows', scale: 1 } as const;

/** A tensor in another basis, in parts of rows, float64. @throws NON_FINITE naming the tensor, NUMERICAL_FAILURE */
export async function* turnedTensor(
  { decoder, dequantize, linearAlgebra, signal, buffers }: StepContext,
  name: string,
  transform: TensorTransform & { source: TensorEntry },
  { basis, width, size }: Directions,
): AsyncGenerator<Floats, void> {
  const { model, config } = decoder;
  const rotation = { basis, width, size };
  const read = slicedRowReader({
    ...{ model, rotation, headDim: config.headDim, arithmetic: 'float64', dequantize, linearAlgebra, signal, buffers },
  });
  const count = transform.kind === 'rows' ? width : (transform.source.shape[1] ?? 1);
  yield* read({ name, transform }, { first: 0, count });
}

/**
 * What the graphs of steps are fed, by role: weights of the fused dense model, float32. The steps of a layer share its
 * weights, which the next layer's overwrite. @throws NON_FINITE naming the tensor
 */
export function stepFeeds({
  decoder,
  dequantize,
}: Pick<StepContext, 'decoder' | 'dequantize'>): (layer: number, step: BlockStep) => Promise<BlockWeights['feeds']> {
  const read = blockWeightReader(decoder, dequantize);
  let held: { layer: number; feeds: BlockWeights['feeds'] } | null = null;
  return async (layer, step) => {
    if (held?.layer !== layer) held = { layer, feeds: (await read(layer)).feeds };
    const { feeds } = held;
    const roles = rolesOfStep(step, Object.keys(feeds) as LayerRole[]);
    return Object.fromEntries(roles.map((role) => [role, feeds[role]!]));
  };
}

type WriteContext = StepContext & { write: WriteTensor };
/** A step of the layer with this index. */
type StepPlace = readonly [layer: number, step: BlockStep];

/** Writes the tensors of a step that depend on the site it starts from alone: W·diag(a)·Q[:, :n], b + W·β. */
export async function writeInputs(context: WriteContext, [layer, step]: StepPlace, input: Directions): Promise<void> {
  const roles = rolesOf(context, [layer, step]).filter((role) => !isWritten(step, role));
  await writeRoles(context, layer, roles, (role) => {
    const linear = step.inputs.find((candidate) => candidate === role);
    return linear ? turnedInput(context, [layer, linear, step.norm], input) : vector(context, layer, role, step);
  });
}

/** Writes the others: (Qᵀ·W)[:o, :] and the shortcut. */
export async function writeOutputs(
  context: WriteContext,
  [layer, step]: StepPlace,
  { input, output }: { input: Directions; output: Directions },
): Promise<void> {
  const { decoder, linearAlgebra, write, signal } = context;
  const tensors = decoder.layers[layer]!;
  const written = isCentred(decoder) ? { ...output, basis: centredBasis(output) } : output;
  const roles = rolesOf(context, [layer, step]).filter((role) => isWritten(step, role));
  await writeRoles(context, layer, roles, (role) =>
    turnedTensor(
      context,
      slicedTensorName(decoder, layer, role),
      { ...turnedRows, source: tensors.get(role)! },
      written,
    ),
  );
  const what = shortcutName(decoder, layer, step.shortcut);
  const sizes = { rows: input.width, inner: input.size, columns: output.width };
  const factors = { a: input.basis, b: output.basis, transposeB: true };
  await write(what, [await linearAlgebra.gemm({ what, ...sizes, ...factors }, signal)]);
}

const rolesOf = ({ decoder }: StepContext, [layer, step]: StepPlace): LayerRole[] =>
  rolesOfStep(step, fusedRoles(decoder.architecture, decoder.layers[layer]!.keys()));

/** Linears that share a tensor are its rows one after the other. */
async function writeRoles(
  { decoder, write }: WriteContext,
  layer: number,
  roles: readonly LayerRole[],
  partsOf: (role: LayerRole) => TensorParts,
): Promise<void> {
  const byName = Map.groupBy(roles, (role) => slicedTensorName(decoder, layer, role));
  for (const [name, parts] of byName) await write(name, joined(parts.map(partsOf)));
}

/** What LayerNorm would take away from the residual, its linears no longer write (core/graph/fusion.ts). */
const isCentred = ({ architecture }: Decoder): boolean => architecture.norm.kind === 'layernorm';

const isWritten = ({ outputs }: BlockStep, role: LayerRole): boolean =>
  outputs.some((linear) => role === linear || role === `${linear}Bias`);

/** W·diag(a)·Q[:, :n], rows of q and k in halves as Hugging Face has them. */
async function* turnedInput(
  context: StepContext,
  [layer, linear, norm]: readonly [number, LinearRole, NormRole],
  input: Directions,
): AsyncGenerator<Floats, void> {
  const { decoder } = context;
  const tensors = decoder.layers[layer]!;
  const source = tensors.get(linear)!;
  const parts = turnedTensor(
    context,
    slicedTensorName(decoder, layer, linear),
    { ...columns, source, norm: tensors.get(norm)! },
    input,
  );
  if (!hasInterleavedRows(decoder, linear)) return yield* parts;
  // A head may lie in two parts.
  const whole = new Float64Array(source.shape[1]! * input.width);
  let place = 0;
  for await (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  separateHalves(whole, decoder.config.headDim, input.width);
  yield whole;
}

async function* joined(all: readonly TensorParts[]): AsyncGenerator<Floats, void> {
  for (const parts of all) yield* parts;
}

/** A vector of a layer as it is; of a linear behind a norm with bias β, b + W·β. */
async function* vector(
  { decoder, dequantize }: StepContext,
  layer: number,
  role: LayerRole,
  { norm, inputs }: BlockStep,
): AsyncGenerator<Float64Array, void> {
  const tensors = decoder.layers[layer]!;
  const read = async (of: LayerRole): Promise<Float64Array> =>
    Float64Array.from(await readLayerTensor(decoder, [layer, of], dequantize));
  const own = tensors.has(role) ? await read(role) : null;
  const linear = inputs.find((candidate) => role === `${candidate}Bias`);
  if (!linear || !tensors.has(`${norm}Bias`)) yield own!;
  else yield fuseLinear(await read(linear), own, { weight: await read(norm), bias: await read(`${norm}Bias`) })!;
}

/** E with centred rows, times Q, is E times Q with centred columns; Qᵀ times W with centred columns likewise. */
export function centredBasis({ basis, size }: Pick<Directions, 'basis' | 'size'>): Float64Array {
  const result = basis.slice();
  centreRows(result, size);
  return result;
}
