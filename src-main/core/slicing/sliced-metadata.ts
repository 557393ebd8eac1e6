// Keys of a sliced GGUF: the source's, with what slicing changes changed. Sizes of heads are written out, because no
// runner may tell them from a sliced width (method.md 3).
import { folderMetadata } from '../export/hf-to-gguf/convert-folder.ts';
import { floatFileTypes } from '../formats/weight-types.ts';
import { sizeLabelOf } from '../export/hf-to-gguf/model-name.ts';
import type { Decoder } from '../architectures/decoder.ts';
import { GgufMetadata } from '../formats/gguf-values.ts';
import type { GgufValue } from '../formats/gguf-values.ts';
import { elementCount } from '../formats/tensor.ts';
import type { RotationForm } from './shared-rotation.ts';
import type { SlicedTensor } from './sliced-tensors.ts';
import type { WrittenForm } from './written-form.ts';

export interface MetadataOptions {
  decoder: Decoder;
  rotation: RotationForm;
  form: WrittenForm;
  tensors: readonly SlicedTensor[];
  /** Of a folder, whose tokenizer becomes keys. */
  withTokenizer: boolean;
}

const uint32 = (value: number): GgufValue => ({ type: 'uint32', value });
const string = (value: string): GgufValue => ({ type: 'string', value });

/** Keys of the file with every tensor in F32. @throws as folderMetadata for a folder */
export async function slicedMetadata(options: MetadataOptions): Promise<GgufMetadata> {
  const { decoder, rotation, form, tensors, withTokenizer } = options;
  const { model, config } = decoder;
  const source = model.gguf ? model.gguf.metadata : await folderMetadata(model, model.path, { tensors, withTokenizer });
  const metadata = renamed(source, form.architecture);
  const parameters = tensors.reduce((sum, { shape }) => sum + elementCount(shape)!, 0);
  const own: Record<string, GgufValue> = {
    embedding_length: uint32(rotation.width),
    'attention.key_length': uint32(config.headDim),
    'attention.value_length': uint32(config.headDim),
    'rope.dimension_count': uint32(config.headDim),
  };
  for (const [key, value] of Object.entries(own)) metadata.set(`${form.architecture}.${key}`, value);
  const { kind, seed } = rotation.orientation;
  metadata
    .set('general.size_label', string(sizeLabelOf(parameters)))
    .set('general.file_type', uint32(floatFileTypes.F32))
    .set('general.quantization_version', uint32(2))
    .set('snug.slice.method', string('shared'))
    .set('snug.slice.source_width', uint32(rotation.size))
    .set('snug.slice.orientation', string(kind));
  metadata.delete('snug.slice.seed'); // of an earlier slice
  // llama.cpp ignores phi3's window, and the family that is written has none.
  metadata.delete(`${form.architecture}.attention.sliding_window`);
  return kind === 'pca' ? metadata : metadata.set('snug.slice.seed', { type: 'uint64', value: BigInt(seed) });
}

/** A copy whose keys under the architecture's name are under another. */
function renamed(source: GgufMetadata, architecture: string): GgufMetadata {
  const prefix = `${source.string('general.architecture')}.`;
  const target = new GgufMetadata(source.file);
  for (const [key, value] of source) {
    target.set(key.startsWith(prefix) ? `${architecture}.${key.slice(prefix.length)}` : key, value);
  }
  return target.set('general.architecture', string(architecture));
}
