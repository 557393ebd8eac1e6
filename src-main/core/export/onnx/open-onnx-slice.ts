// An ONNX model of a slice block by block, seen as the folder that it was made of: its weights under the names and in the
// tensors that a folder has, so that it is cut again like one. Reads headers only.
import { AppError, malformed } from '../../../contract/errors.ts';
import type { SlicingConfig } from '../../../contract/results.ts';
import { describeModel } from '../../architectures/decoder.ts';
import type { ByteSource } from '../../formats/byte-source.ts';
import { openFileSource } from '../../formats/file-source.ts';
import { readHfConfig } from '../../formats/hf-config.ts';
import type { JsonObject } from '../../formats/json-object.ts';
import type { ModelConfig } from '../../formats/model-config.ts';
import { readBy } from '../../formats/model-source.ts';
import type { ModelHeader, ModelSource } from '../../formats/model-source.ts';
import { elementCount, tensorRange } from '../../formats/tensor.ts';
import type { TensorEntry } from '../../formats/tensor.ts';
import { globalTensorName } from '../weights/decoder-tensors.ts';
import { layerForms } from '../../slicing/per-block/fused-form.ts';
import { siteLayout, siteWidths } from '../../slicing/per-block/site-widths.ts';
import { openSlicedDecoder } from '../../slicing/per-block/sliced-decoder.ts';
import type { SlicedDecoder } from '../../slicing/per-block/sliced-decoder.ts';
import { configKey, modelKey } from './onnx-metadata.ts';
import { openOnnxModel } from './open-onnx-model.ts';
import type { OnnxModelFile } from './open-onnx-model.ts';
import { partName } from './sliced-form.ts';

/** A tensor of a folder, and what its bytes are in the ONNX files: weights one after the other, null for zeros. */
interface FolderTensor {
  entry: TensorEntry;
  parts: { weight: TensorEntry | null; bytes: number }[];
}

/**
 * Opens FILE.onnx of a slice block by block. Close its `model` when done.
 * @throws USAGE where it is of another model, or of an older Snug; as openOnnxModel and openSlicedDecoder
 */
export async function openOnnxSlice(path: string): Promise<SlicedDecoder> {
  const file = await openOnnxModel(path);
  const { slicing, configJson, files } = file;
  if (slicing === null || configJson === null) {
    const message = `${path} does not hold a slice block by block with its config.json, and only such an ONNX model is cut again. Name the folder or GGUF it was made from.`;
    throw new AppError('USAGE', message, { path });
  }
  const header = headerOf(file, configJson);
  requireSameFacts(file, header.config);
  const tensors = folderTensors(file.weights, header, slicing);
  const sources: ByteSource[] = [];
  const close = async (): Promise<void> => {
    for (const source of sources) await source.close();
  };
  try {
    for (const name of files) sources.push(await openFileSource(name));
    // The folder's count: of a table of positions it has the rows that are none.
    const parameters = tensors.reduce((sum, { entry }) => sum + elementCount(entry.shape)!, 0);
    return openSlicedDecoder({ ...header, parameters, ...reading(tensors, sources), close }, slicing, path);
  } catch (error) {
    await close();
    throw error;
  }
}

function headerOf(
  { path, parameters, fileBytes }: OnnxModelFile,
  configJson: JsonObject,
): Omit<ModelHeader, 'tensors'> {
  const { config, experts } = readHfConfig(`${path}, its ${configKey}`, configJson);
  const known = { ...config, tiedEmbeddings: false };
  return { kind: 'safetensors', path, config: known, experts, parameters, fileBytes, configJson };
}

/** The file says its sizes twice: of what the graph was built from, and in the folder's config.json. @throws FILE_MALFORMED */
function requireSameFacts({ path, facts }: OnnxModelFile, config: ModelConfig): void {
  for (const key of ['architecture', ...Object.keys(config)] as (keyof ModelConfig)[]) {
    // The output layer has a tensor of its own in every slice, and longer texts may be what the graph cannot do.
    if (key === 'tiedEmbeddings' || key === 'contextLength' || config[key] === facts[key]) continue;
    throw malformed(path, `${key} of its ${configKey}`, {
      expected: `${facts[key]}, as its ${modelKey} has it`,
      actual: String(config[key]),
    });
  }
}

/** Every weight as a folder has it: linears that share a tensor together, a table of positions with the rows that are none. */
function folderTensors(
  weights: readonly TensorEntry[],
  header: Omit<ModelHeader, 'tensors'>,
  slicing: SlicingConfig,
): FolderTensor[] {
  const described = describeModel({ ...header, tensors: weights });
  const { architecture, config } = described;
  const widths = siteWidths(slicing, siteLayout(described));
  const unplaced = new Map(weights.map((weight) => [weight.name, weight]));
  const found: FolderTensor[] = [];
  const place = (name: string, placed: TensorEntry[], zeroRows = 0): void => {
    for (const weight of placed) unplaced.delete(weight.name);
    const [{ type, shape, bytes }] = placed as [TensorEntry];
    const zeroBytes = (zeroRows * bytes) / shape.at(-1)!;
    const parts = [{ weight: null, bytes: zeroBytes }, ...placed.map((weight) => ({ weight, bytes: weight.bytes }))];
    const rows = placed.reduce((sum, weight) => sum + weight.shape.at(-1)!, zeroRows);
    const total = parts.reduce((sum, part) => sum + part.bytes, 0);
    const entry = { name, type, shape: [...shape.slice(0, -1), rows], shard: 0, offset: 0, bytes: total };
    found.push({ entry, parts });
  };

  for (let layer = 0; layer < config.numHiddenLayers; layer += 1) {
    const shared = layerForms(described, widths, layer).filter((form) => form.own !== null);
    for (const [name, forms] of Map.groupBy(shared, (form) => form.name)) {
      const ordered = forms.toSorted((one, other) => one.own!.first - other.own!.first);
      const placed = ordered.flatMap((form) => unplaced.get(partName(form)) ?? []);
      if (placed.length === forms.length) place(name, placed);
    }
  }
  if (architecture.positions.kind === 'learned') {
    const table = unplaced.get(globalTensorName(described, 'positions'));
    if (table) place(table.name, [table], architecture.positions.offset);
  }
  for (const weight of [...unplaced.values()]) place(weight.name, [weight]);
  return found;
}

function reading(
  tensors: readonly FolderTensor[],
  sources: readonly ByteSource[],
): Pick<ModelSource, 'tensors' | 'read' | 'readInto'> {
  const partsOf = new Map(tensors.map(({ entry, parts }) => [entry.name, parts]));

  async function readInto(entry: TensorEntry, target: Uint8Array, offset = 0): Promise<void> {
    // The entry may be some rows of its tensor, which begins at 0.
    const { offset: start } = tensorRange(entry, offset, target.length);
    const end = start + target.length;
    let before = 0;
    for (const { weight, bytes } of partsOf.get(entry.name)!) {
      const [from, to] = [Math.max(start, before), Math.min(end, before + bytes)];
      if (from < to) {
        const part = target.subarray(from - start, to - start);
        if (weight) await sources[weight.shard]!.readInto(part, weight.offset + from - before);
        else part.fill(0);
      }
      before += bytes;
    }
  }

  return {
    tensors: tensors.map(({ entry }) => entry),
    readInto,
    read: readBy(readInto),
  };
}
