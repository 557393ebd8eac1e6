// Converts a Hugging Face folder to a GGUF file that llama.cpp loads, tensor by tensor; nothing holds the model.
// Source: llama.cpp v0.4.0, convert_hf_to_gguf.py with conversion/*.py. Where this differs: docs/hf-to-gguf.md.
import { join } from 'node:path';
import { AppError } from '../../../contract/errors.ts';
import type { Progress } from '../../../contract/progress.ts';
import { isSlicedPerBlock } from '../../architectures/decoder.ts';
import { decoderGlobals } from '../../architectures/layer-tensors.ts';
import { llama3Scaling, namedScaling } from '../../architectures/rope-scaling.ts';
import { tensorBytes } from '../../formats/ggml-types.ts';
import { createGgufWriter, ggufLayout } from '../../formats/gguf-writer.ts';
import { GgufMetadata } from '../../formats/gguf-values.ts';
import type { ModelSource } from '../../formats/model-source.ts';
import { writeSparse } from '../../formats/sparse-file.ts';
import { elementCount, type TensorShape } from '../../formats/tensor.ts';
import type { TensorWriter } from '../../formats/tensor-writer.ts';
import { floatFileTypes, type WeightType } from '../../formats/weight-types.ts';
import { ahead } from '../../quantization/tensor-slabs.ts';
import { Throughput } from '../../quantization/throughput.ts';
import { architectureKeys } from './architecture-keys.ts';
import { readDimensions, type Dimensions } from './dimensions.ts';
import { string, uint32, type Entries } from './entries.ts';
import type { Family } from './families/family.ts';
import { familyOf } from './families/registry.ts';
import { generalKeys } from './general-keys.ts';
import { readModelFolder, type ModelFolder } from './model-folder.ts';
import { planTensors, type TensorPlan } from './plan-tensors.ts';
import { refuseUnbuilt } from './refusals.ts';
import { llama3RopeFactors } from './rope.ts';
import { tensorContent } from './tensor-content.ts';
import { hasTokenizer, tokenizerKeys } from './tokenizer-keys.ts';

export interface ConvertRequest {
  /** Of kind safetensors. */
  source: ModelSource;
  output: string;
  /** Type of all matrices. @default null: each keeps its own */
  type?: WeightType | null;
  signal: AbortSignal;
  progress: (progress: Progress) => void;
}

export interface ConvertResult {
  fileBytes: number;
  sha256: string;
  /** False for a folder of weights alone: the file runs ids, but no text. */
  hasTokenizer: boolean;
}

/** Version of ggml's quantised types, written for float files too. */
const quantizationVersion = 2;

/** Why a folder cannot be converted, or null; reads its small files only. */
export async function conversionRefusal(source: ModelSource): Promise<string | null> {
  try {
    await describeFolder(source);
    return null;
  } catch (error) {
    return AppError.from(error).message;
  }
}

/**
 * Writes `output`; every value is checked on the way, and a failure or a cancel leaves no file.
 * @throws UNSUPPORTED_ARCHITECTURE by name for what is not built, FILE_MALFORMED, FILE_NOT_FOUND, UNSUPPORTED_TYPE,
 * NON_FINITE, OUTPUT_EXISTS, DISK_FULL, CANCELLED
 */
export async function convertFolder(request: ConvertRequest): Promise<ConvertResult> {
  const { source, signal } = request;
  try {
    signal.throwIfAborted();
    const { folder, ropeFactors, plans, layout } = await planFolder(source, request.output, request.type ?? null);
    const writer = await createGgufWriter(request.output, layout);
    try {
      if (ropeFactors) await writer.writeTensor(ropeFactorsName, new Uint8Array(ropeFactors.buffer));
      await writeTensors(writer, plans, request);
      signal.throwIfAborted();
      return { ...(await writer.finish()), hasTokenizer: hasTokenizer(folder) };
    } catch (error) {
      await writer.discard();
      throw error;
    }
  } catch (error) {
    throw AppError.from(error);
  }
}

/**
 * Writes the header that convertFolder would write for every matrix in its own type, and the last norm, which planning a
 * slice looks at; the other tensors are a hole that takes no space on disk. A failure leaves no file.
 * @throws as convertFolder, of weights for that norm alone
 */
export async function outlineFolder({
  source,
  output,
  signal,
}: Pick<ConvertRequest, 'source' | 'output' | 'signal'>): Promise<Omit<ConvertResult, 'sha256'>> {
  const { folder, plans, layout } = await planFolder(source, output, null);
  const { fileBytes, header, tensors } = layout;
  const norm = plans.find(({ name }) => name === decoderGlobals.finalNorm.gguf);
  await writeSparse(output, fileBytes, async (write) => {
    await write(header, 0);
    if (!norm) return;
    let { offset } = tensors.find(({ name }) => name === norm.name)!;
    for await (const part of tensorContent(source, norm, signal)) {
      await write(part, offset);
      offset += part.length;
    }
  });
  return { fileBytes, hasTokenizer: hasTokenizer(folder) };
}

const ropeFactorsName = 'rope_freqs.weight';

/** Everything about the file that is written of a folder but its content. */
async function planFolder(source: ModelSource, output: string, type: WeightType | null) {
  const { family, folder, dimensions, ropeFactors } = await describeFolder(source);
  const plans = planTensors(family, source, dimensions, type);
  const ropeTensor: TensorShape[] = ropeFactors
    ? [{ name: ropeFactorsName, type: 'F32', shape: [ropeFactors.length] }]
    : [];
  const tensors = [...ropeTensor, ...plans];
  const metadata = await metadataOf(output, { family, folder, dimensions, plans, tensors, withTokenizer: true });
  return { folder, ropeFactors, plans, layout: ggufLayout(metadata, tensors) };
}

interface DescribedFolder {
  family: Family;
  folder: ModelFolder;
  dimensions: Dimensions;
  /** Divisors of the rotary frequencies [hd / 2]; null where the model scales none. */
  ropeFactors: Float32Array | null;
}

async function describeFolder(source: ModelSource): Promise<DescribedFolder> {
  if (source.kind !== 'safetensors') {
    throw new AppError('USAGE', `${source.path} is a GGUF file already.`, { path: source.path });
  }
  if (isSlicedPerBlock(source)) {
    const message = `${source.path} was sliced block by block: neither GGUF nor its runners have a place for shortcut matrices.`;
    throw new AppError('UNSUPPORTED_ARCHITECTURE', message, { path: source.path });
  }
  const folder = await readModelFolder(source);
  const family = familyOf(source.config.architecture, join(folder.path, 'config.json'));
  refuseUnbuilt(family, folder, source.config);
  const dimensions = readDimensions(family, folder, source.config);
  return { family, folder, dimensions, ropeFactors: ropeFactorsOf(folder, dimensions) };
}

function ropeFactorsOf({ path, config }: ModelFolder, dimensions: Dimensions): Float32Array | null {
  const scaling = namedScaling(config);
  if (scaling?.name !== 'llama3') return null;
  const { contextLength } = dimensions;
  return llama3RopeFactors(
    llama3Scaling(config, scaling, { file: join(path, 'config.json'), contextLength }),
    dimensions,
  );
}

/**
 * The metadata of a folder's model when it is written with other tensors than convertFolder writes: a sliced one.
 * @throws as convertFolder, before a weight is read
 */
export async function folderMetadata(
  source: ModelSource,
  output: string,
  { tensors, withTokenizer }: { tensors: readonly WrittenTensor[]; withTokenizer: boolean },
): Promise<GgufMetadata> {
  return metadataOf(output, { ...(await describeFolder(source)), plans: tensors, tensors, withTokenizer });
}

type WrittenTensor = Pick<TensorPlan, 'name' | 'type' | 'shape'>;

async function metadataOf(
  output: string,
  model: Omit<DescribedFolder, 'ropeFactors'> & {
    plans: readonly WrittenTensor[];
    tensors: readonly TensorShape[];
    withTokenizer: boolean;
  },
): Promise<GgufMetadata> {
  const { family, folder, dimensions, plans, tensors, withTokenizer } = model;
  const parameters = tensors.reduce((sum, { shape }) => sum + elementCount(shape)!, 0);
  const entries: Entries = [
    ['general.architecture', string(family.ggufArchitecture)],
    ...(await generalKeys(folder, parameters)),
    ...architectureKeys(family, folder, dimensions, !hasTokenizer(folder)),
    ['general.file_type', uint32(floatFileTypes[mainType(plans)])],
    ['general.quantization_version', uint32(quantizationVersion)],
    ...(withTokenizer ? await tokenizerKeys(family, folder, dimensions.sizes.vocabulary) : []),
  ];
  const metadata = new GgufMetadata(output);
  for (const [key, value] of entries) if (value !== null) metadata.set(key, value);
  return metadata;
}

/** The type that most elements of the matrices have. */
function mainType(plans: readonly WrittenTensor[]): WeightType {
  const elements: Record<WeightType, number> = { F32: 0, F16: 0, BF16: 0 };
  for (const { type, shape } of plans) if (shape.length > 1) elements[type] += elementCount(shape)!;
  return (['F16', 'BF16', 'F32'] as const).reduce((main, type) => (elements[type] > elements[main] ? type : main));
}

async function writeTensors(
  writer: TensorWriter,
  plans: readonly TensorPlan[],
  { source, signal, progress }: ConvertRequest,
): Promise<void> {
  const sourceBytes = plans.reduce((sum, plan) => sum + plan.source.bytes, 0);
  const throughput = new Throughput('convert', sourceBytes, progress);
  for (const plan of plans) {
    const content = ahead(tensorContent(source, plan, signal));
    await writer.writeTensor(plan.name, counted(content, plan, throughput));
  }
}

/** Reports each part in bytes of the source, once it is written. */
async function* counted(
  content: AsyncIterable<Uint8Array>,
  { name, type, shape, source }: TensorPlan,
  throughput: Throughput,
): AsyncGenerator<Uint8Array, void> {
  const perByte = source.bytes / tensorBytes(type, shape);
  for await (const part of content) {
    yield part;
    throughput.add(part.length * perByte, name);
  }
}
