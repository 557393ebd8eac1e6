// A sliced model on disk: a Hugging Face folder whose layers have shortcuts, and slicing.json with every width. Tensors
// have the names under which the released code saves them; stock programs do not load it, as its widths are no model's.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, malformed } from '../../../contract/errors.ts';
import { slicingConfig } from '../../../contract/results.ts';
import type { SlicingConfig } from '../../../contract/results.ts';
import { isSlicedPerBlock, openDecoder } from '../../architectures/decoder.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import { companionFiles, jsonBytes } from '../../export/safetensors/companion-files.ts';
import { configJsonOf } from '../../export/safetensors/config-json.ts';
import { writeModelFolder } from '../../export/safetensors/model-folder-writer.ts';
import type { FolderResult } from '../../export/safetensors/model-folder-writer.ts';
import type { WeightType } from '../../formats/weight-types.ts';
import { floatConverter } from '../../formats/float-values.ts';
import type { ConvertFloats } from '../../formats/float-values.ts';
import { firstNonFinite } from '../../formats/finite-check.ts';
import { readJsonFile } from '../../formats/json-object.ts';
import { folderOf, openModel } from '../../formats/model-source.ts';
import type { ModelSource } from '../../formats/model-source.ts';
import { bytesOf } from '../../formats/typed-views.ts';
import type { Floats } from '../../linear-algebra/linear-algebra.ts';
import { slicingFile } from '../slicing-config.ts';
import { methodVersion, provenanceKey } from './provenance.ts';
import type { SliceProvenance } from './provenance.ts';
import { siteLayout, siteWidths } from './site-widths.ts';
import { slicedTensors } from './fused-form.ts';
import { openSlicedDecoder } from './sliced-decoder.ts';
import type { SlicedDecoder } from './sliced-decoder.ts';
import { slicePerBlock } from './slice-per-block.ts';
import type { PerBlockOptions } from './slice-per-block.ts';
import { slicedEps } from './step-stream.ts';
import type { SiteReport } from './step-stream.ts';
import type { TensorParts } from './step-weights.ts';
import type { TensorJournal } from './tensor-journal.ts';

export interface SlicedFolderRequest extends Omit<PerBlockOptions, 'write'> {
  /** Made where only its parent is there; must be empty unless `force` is set. */
  folder: string;
  /** What `findBasis` does, for the folder to say. */
  basis: Pick<SliceProvenance, 'orientation' | 'seed'>;
  /** Of matrices, shortcuts among them; vectors are F32. */
  type: WeightType;
  /** Folder of the source, for its tokenizer and generation settings; null: a GGUF header's own. */
  tokenizerFrom: string | null;
  force?: boolean;
  /** Most data bytes of one file of weights. @default 5e9 */
  maxShardBytes?: number;
  /** Keeps what is finished; what it holds belongs to `resume`. @default null */
  journal?: TensorJournal | null;
}

export interface SlicedFolderResult extends FolderResult {
  hasTokenizer: boolean;
  sites: SiteReport[];
}

/**
 * Slices a model into a folder: tensors are written as they are made. A failure or a cancel leaves nothing of it.
 * @throws as slicePerBlock; OUTPUT_EXISTS, FILE_NOT_FOUND, DISK_FULL, NON_FINITE where a value has no finite form in
 * `type`, UNSUPPORTED_ARCHITECTURE when no config.json says what the decoder computes
 */
export async function writeSlicedFolder(request: SlicedFolderRequest): Promise<SlicedFolderResult> {
  const { decoder, type, widths: slicing, dequantize, paperCompat = false, tokenizerFrom, journal = null } = request;
  const widths = siteWidths(slicing, siteLayout(decoder));
  const planned = slicedTensors(decoder, widths).map((tensor) => ({
    ...tensor,
    type: tensor.shape.length === 1 ? ('F32' as const) : type,
  }));
  const typeOf = new Map(planned.map((tensor) => [tensor.name, tensor.type]));
  const { files, hasTokenizer } = await companionFiles(decoder.model, tokenizerFrom);
  files.set(slicingFile, jsonBytes(slicing));
  const config = await configJsonOf(decoder, type, dequantize);
  const epsilon = slicedEps(decoder, paperCompat);
  const epsKey = 'layer_norm_eps' in config ? 'layer_norm_eps' : 'rms_norm_eps';
  const ownEps = epsilon === decoder.config.normEps ? {} : { [epsKey]: epsilon };
  const own = { ...ownEps, tie_word_embeddings: false, [provenanceKey]: { slicing: provenanceIn(request) } };
  files.set('config.json', jsonBytes({ ...config, ...own }));

  let sites: SiteReport[] = [];
  const written = await writeModelFolder({ ...request, files, tensors: planned }, async (writer) => {
    if (journal) for await (const { name, content } of journal.contents()) await writer.writeTensor(name, content);
    const convert = floatConverter();
    sites = await slicePerBlock({
      ...request,
      write: async (name, parts) => {
        const content = cast(name, parts, { type: typeOf.get(name)!, convert });
        await writer.writeTensor(name, journal ? journal.keep(name, content) : content);
      },
    });
  });
  return { ...written, hasTokenizer, sites };
}

function provenanceIn({ basis, signals = 'raw', precision = 'fp64', paperCompat = false }: SlicedFolderRequest) {
  const { orientation, seed } = basis;
  return { version: methodVersion, orientation, signals, precision, paperCompat, seed } satisfies SliceProvenance;
}

/** The one rounding of a weight. @throws NON_FINITE where a value has no finite form in `type` */
async function* cast(
  tensor: string,
  parts: TensorParts,
  { type, convert }: { type: WeightType; convert: ConvertFloats },
): AsyncGenerator<Uint8Array, void> {
  let before = 0;
  for await (const part of slabsOf(parts)) {
    const bytes = convert(bytesOf(part), part instanceof Float64Array ? 'F64' : 'F32', type);
    const index = firstNonFinite(type, bytes);
    if (index !== -1) {
      const [element, value] = [before + index, String(part[index])];
      const message = `Tensor ${tensor} of the sliced model holds ${value} in element ${element}, which has no finite form in ${type}: write it as F32.`;
      throw new AppError('NON_FINITE', message, { tensor, element, value, type });
    }
    before += part.length;
    yield bytes;
  }
}

/** Elements that are cast at a time: what the converter keeps stays below 16 MiB. */
const castElements = 2 ** 21;

async function* slabsOf(parts: TensorParts): AsyncGenerator<Floats, void> {
  for await (const part of parts) {
    for (let start = 0; start < part.length; start += castElements) yield part.subarray(start, start + castElements);
  }
}

/**
 * Opens a folder that writeSlicedFolder wrote, named by itself or by its weights; reads headers only. Close its `model` when
 * done. @throws FILE_NOT_FOUND, FILE_MALFORMED naming a width, tensor or key; UNSUPPORTED_ARCHITECTURE
 */
export async function openSlicedFolder(folder: string): Promise<SlicedDecoder> {
  const model = await openModel(folder);
  try {
    return await openSliced(model);
  } catch (error) {
    await model.close();
    throw error;
  }
}

/** An open model seen through its family, sliced block by block or not. @throws as openDecoder and openSlicedFolder */
export async function openRunnable(model: ModelSource): Promise<Decoder | SlicedDecoder> {
  return isSlicedPerBlock(model) ? openSliced(model) : openDecoder(model);
}

async function openSliced(model: ModelSource): Promise<SlicedDecoder> {
  const file = slicingFileOf(model);
  if (!existsSync(file)) {
    const message = `${file} is missing: it says how wide every part of a model is that was sliced block by block. Put it back beside the weights, or slice the dense model again.`;
    throw new AppError('FILE_NOT_FOUND', message, { path: file });
  }
  return openSlicedDecoder(model, await readSlicingConfig(file), file);
}

const slicingFileOf = ({ path }: ModelSource): string => join(folderOf(path), slicingFile);

/**
 * The widths of a folder that `snug slice` wrote; null of any other model. A shared slice, whose tensors are a model's like
 * any other, may have lost them. @throws as openSlicedFolder
 */
export async function slicedWidths(model: ModelSource): Promise<SlicingConfig | null> {
  if (model.kind === 'gguf') return null;
  if (isSlicedPerBlock(model)) return (await openSliced(model)).slicing;
  return existsSync(slicingFileOf(model)) ? readSlicingConfig(slicingFileOf(model)) : null;
}

/** Reads a SlicingConfig: that of a folder, or widths that a user wrote. @throws FILE_NOT_FOUND, FILE_MALFORMED */
export async function readSlicingConfig(file: string): Promise<SlicingConfig> {
  const parsed = slicingConfig.safeParse(await readJsonFile(file));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue!.path.join('.') || 'file';
  throw malformed(file, where, { expected: "the widths of SliceGPT's SlicingConfig", actual: issue!.message });
}
