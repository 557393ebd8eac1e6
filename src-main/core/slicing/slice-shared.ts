// Slices a model by one shared rotation and writes it as a GGUF that stock llama.cpp loads: tensor by tensor, in
// float64, cast through float32 to the written type at the end (method.md 1.1, 3).
import { AppError } from '../../contract/errors.ts';
import type { Progress } from '../../contract/progress.ts';
import type { Decoder } from '../architectures/decoder.ts';
import { convertFloats, floatAt } from '../formats/float-values.ts';
import type { WeightType } from '../export/hf-to-gguf/plan-tensors.ts';
import { firstNonFinite } from '../formats/finite-check.ts';
import { tensorBytes } from '../formats/ggml-types.ts';
import { createGgufWriter, ggufLayout } from '../formats/gguf-writer.ts';
import { elementCount } from '../formats/tensor.ts';
import { readFloats } from '../graph/float-values.ts';
import type { Dequantize } from '../graph/float-values.ts';
import type { LinearAlgebra } from '../linear-algebra/linear-algebra.ts';
import { Throughput } from '../quantization/throughput.ts';
import type { SharedRotation } from './shared-rotation.ts';
import { slicedMetadata } from './sliced-metadata.ts';
import { planSlicedTensors } from './sliced-tensors.ts';
import type { SlicedPlan, SlicedTensor } from './sliced-tensors.ts';
import { transformedParts } from './transform-tensor.ts';
import type { TransformContext } from './transform-tensor.ts';
import { writtenForm } from './written-form.ts';

export interface SliceRequest {
  decoder: Decoder;
  rotation: SharedRotation;
  output: string;
  /** Of matrices; vectors are F32. */
  type: WeightType;
  dequantize: Dequantize;
  linearAlgebra: LinearAlgebra;
  signal: AbortSignal;
  progress: (progress: Progress) => void;
}

export interface SliceResult {
  fileBytes: number;
  sha256: string;
  /** general.architecture of the file. */
  architecture: string;
  width: number;
  /** 1 - width / hidden size. */
  sparsity: number;
  /** Elements of all weights, a tied output layer once; divisors of rotary frequencies are none. */
  parametersBefore: number;
  parametersAfter: number;
  /** Elements that the output layer costs because its tie did not survive. */
  untiedParameters: number;
  seconds: number;
}

/**
 * Writes the sliced model; at full width it is the same function in another basis. A failure or a cancel leaves no file.
 * Memory: the basis (d·D doubles), the largest output projection in float64, and 64 MiB of parts.
 * @throws USAGE when the rotation is of another width than the model, NON_FINITE, UNSUPPORTED_TYPE, NUMERICAL_FAILURE,
 * OUTPUT_EXISTS, DISK_FULL, CANCELLED; for folders also as convertFolder
 */
export async function sliceShared(request: SliceRequest): Promise<SliceResult> {
  const { decoder, rotation, output, type, dequantize, linearAlgebra, signal } = request;
  const { hiddenSize, headDim, tiedEmbeddings } = decoder.config;
  if (rotation.size !== hiddenSize) {
    const message = `The rotation is one of ${rotation.size} dimensions, the model has ${hiddenSize}: calibrate this model.`;
    throw new AppError('USAGE', message, { rotation: rotation.size, hiddenSize });
  }
  try {
    signal.throwIfAborted();
    const form = writtenForm(decoder);
    const plan = await planOf(request);
    const { tensors } = plan;
    const metadata = await slicedMetadata({ decoder, output, rotation, form, tensors, type });
    const context = { model: decoder.model, rotation, headDim, dequantize, linearAlgebra, signal };
    const written = await writePlan(plan, ggufLayout(metadata, tensors), { ...request, context });
    const untied = tiedEmbeddings && !plan.tiedEmbeddings;
    return {
      ...written,
      architecture: form.architecture,
      width: rotation.width,
      sparsity: 1 - rotation.width / hiddenSize,
      parametersBefore: sourceParameters(decoder),
      parametersAfter: weightCount(tensors),
      untiedParameters: untied ? decoder.config.vocabSize * rotation.width : 0,
    };
  } catch (error) {
    throw AppError.from(error);
  }
}

/** Plans the sliced tensors of a request; reads the last norm's weight, which decides whether a tie survives. */
async function planOf({ decoder, rotation, type, dequantize }: SliceRequest): Promise<SlicedPlan> {
  const finalNorm = await readFloats(decoder.model, decoder.finalNorm, dequantize);
  const isConstant = finalNorm.every((value) => value === finalNorm[0]);
  return planSlicedTensors({
    decoder,
    width: rotation.width,
    type,
    form: writtenForm(decoder),
    constantFinalNorm: isConstant ? finalNorm[0]! : null,
  });
}

async function writePlan(
  { tensors }: SlicedPlan,
  layout: ReturnType<typeof ggufLayout>,
  { output, signal, progress, context }: SliceRequest & { context: TransformContext },
): Promise<{ fileBytes: number; sha256: string; seconds: number }> {
  const totalBytes = tensors.reduce((sum, { type, shape }) => sum + tensorBytes(type, shape), 0);
  const throughput = new Throughput('slice', totalBytes, progress);
  const writer = await createGgufWriter(output, layout);
  try {
    for (const tensor of tensors) await writer.writeTensor(tensor.name, encoded(tensor, context, throughput));
    signal.throwIfAborted();
    return { ...(await writer.finish()), seconds: throughput.seconds };
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

/** The parts of a tensor in its written type, checked. @throws NON_FINITE where a value has no finite form there */
async function* encoded(
  tensor: SlicedTensor,
  context: TransformContext,
  throughput: Throughput,
): AsyncGenerator<Uint8Array, void> {
  let done = 0;
  for await (const part of transformedParts(tensor, context)) {
    const values = new Float32Array(part);
    const bytes = convertFloats(new Uint8Array(values.buffer), 'F32', tensor.type);
    const lost = firstNonFinite(tensor.type, bytes);
    if (lost !== -1) throw overflow(tensor, done + lost, floatAt(new Uint8Array(values.buffer), 'F32', lost));
    yield bytes;
    done += part.length;
    throughput.add(bytes.length, tensor.name);
  }
}

function overflow({ name, type }: SlicedTensor, element: number, value: number): AppError {
  const message = `${name}: element ${element} becomes ${value} by slicing, which has no finite form in ${type}. Choose BF16 or F32.`;
  return new AppError('NON_FINITE', message, { tensor: name, element, value: String(value), type });
}

const weightCount = (tensors: readonly { name: string; shape: readonly number[] }[]): number =>
  tensors.reduce((sum, { name, shape }) => sum + (name === 'rope_freqs.weight' ? 0 : elementCount(shape)!), 0);

function sourceParameters({ embeddings, finalNorm, lmHead, layers }: Decoder): number {
  const entries = new Set([embeddings, finalNorm, lmHead, ...layers.flatMap((layer) => [...layer.values()])]);
  return weightCount([...entries]);
}
