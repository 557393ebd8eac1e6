// The weights of one step: turned into the basis of its input for the run, then into that of its output for the file.
// Products in float64, each tensor cast once at the end. Letters: D hidden size, n and o widths of input and output.
import type { LayerRole, LinearRole } from '../../architectures/architecture.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import { shortcutNames } from '../../architectures/layer-tensors.ts';
import type { TensorEntry } from '../../formats/tensor.ts';
import { layerTensorName } from '../../export/weights/decoder-tensors.ts';
import { hasInterleavedRows, readLayerTensor, separateHalves } from '../../graph/block-weights.ts';
import type { GraphTensor } from '../../graph/block-runner.ts';
import type { Dequantize } from '../../graph/float-values.ts';
import type { LinearAlgebra } from '../../linear-algebra/linear-algebra.ts';
import { slicedRowReader } from '../transform-tensor.ts';
import type { TensorTransform } from '../sliced-tensors.ts';
import { rolesOfStep } from './block-steps.ts';
import type { BlockStep } from './block-steps.ts';

/** Takes the tensors of a sliced model as they are made: all elements in order, in parts. */
export type WriteTensor = (name: string, parts: Iterable<Float32Array> | AsyncIterable<Float32Array>) => Promise<void>;

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
  signal: AbortSignal;
}

/** A tensor in another basis, in parts of rows, float32. @throws NON_FINITE naming the tensor, NUMERICAL_FAILURE */
export async function* turnedTensor(
  { decoder, dequantize, linearAlgebra, signal }: StepContext,
  name: string,
  transform: TensorTransform & { source: TensorEntry },
  { basis, width, size }: Directions,
): AsyncGenerator<Float32Array, void> {
  const { model, config } = decoder;
  const rotation = { basis, width, size };
  const read = slicedRowReader({
    ...{ model, rotation, headDim: config.headDim, dequantize, linearAlgebra, signal },
  });
  const count = transform.kind === 'rows' ? width : (transform.source.shape[1] ?? 1);
  for await (const part of read({ name, transform }, { first: 0, count })) yield new Float32Array(part);
}

async function whole(parts: AsyncIterable<Float32Array>, length: number): Promise<Float32Array> {
  const values = new Float32Array(length);
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

/** Reads the weights of a step of `layer`: W·diag(a)·Q[:, :n] of those that read, float32. @throws NON_FINITE */
export async function stepWeights(
  context: StepContext,
  layer: number,
  step: BlockStep,
  input: Directions,
): Promise<StepWeights> {
  const { decoder, dequantize, linearAlgebra, signal } = context;
  const tensors = decoder.layers[layer]!;
  const nameOf = (role: LayerRole): string => layerTensorName(decoder, layer, role);
  const feeds: Record<string, GraphTensor> = {};
  const roles = rolesOfStep(step, tensors.keys());
  for (const role of roles) {
    const source = tensors.get(role)!;
    const shape = source.shape.toReversed();
    if (!step.inputs.includes(role as LinearRole)) {
      feeds[role] = { data: await readLayerTensor(decoder, [layer, role], dequantize), shape };
      continue;
    }
    const transform = { kind: 'columns', source, norm: tensors.get(step.norm)!, scale: 1, interleaves: false } as const;
    const rows = shape[0]!;
    const data = await whole(turnedTensor(context, nameOf(role), transform, input), rows * input.width);
    if (hasInterleavedRows(decoder, role)) separateHalves(data, decoder.config.headDim, input.width);
    feeds[role] = { data, shape: [rows, input.width] };
  }

  return {
    feeds,
    async finish(output, write) {
      for (const role of roles) {
        const turns = step.outputs.some((linear) => role === linear || role === `${linear}Bias`);
        const transform = { kind: 'rows', source: tensors.get(role)!, scale: 1 } as const;
        await write(
          nameOf(role),
          turns ? turnedTensor(context, nameOf(role), transform, output) : [feeds[role]!.data as Float32Array],
        );
      }
      const name = `model.layers.${layer}.${shortcutNames[step.shortcut]}`;
      const product = await linearAlgebra.gemm(
        {
          ...{ what: name, rows: input.width, inner: input.size, columns: output.width },
          ...{ a: input.basis, b: output.basis, transposeB: true },
        },
        signal,
      );
      await write(name, [new Float32Array(product)]);
    },
  };
}
