// A model of any size without its weights: a GGUF whose header is whole and whose data is a hole in the file.
// Enough for inspect and plan, which read headers only; takes no disk space.
import { open } from 'node:fs/promises';
import { openGguf } from '../../src-main/core/formats/gguf-reader.ts';
import type { GgufMetadata } from '../../src-main/core/formats/gguf-values.ts';
import { ggufLayout } from '../../src-main/core/formats/gguf-writer.ts';
import type { TensorShape } from '../../src-main/core/formats/tensor.ts';
import { sampleModel } from '../support/paths.ts';

export interface ModelShape {
  layers: number;
  hidden: number;
  intermediate: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  context: number;
}

/** The blocks of a 32B model as many people run them. */
export const shapeOf32B: ModelShape = {
  layers: 64,
  hidden: 5120,
  intermediate: 27_648,
  heads: 40,
  kvHeads: 8,
  headDim: 128,
  context: 131_072,
};

/** Writes a LLaMA model of this shape, in F16, with the sample's tokenizer; or one that says it is of another family. */
export async function writeHollowModel(file: string, shape: ModelShape, family = 'llama'): Promise<void> {
  const sample = await openGguf(sampleModel);
  const metadata = sample.metadata.clone();
  await sample.close();
  const vocabulary = metadata.strings('tokenizer.ggml.tokens').length;
  const layout = ggufLayout(describe(metadata, shape, family), tensorsOf(shape, vocabulary));
  const handle = await open(file, 'w');
  await handle.write(layout.header);
  await handle.truncate(layout.fileBytes);
  await handle.close();
}

function describe(metadata: GgufMetadata, shape: ModelShape, family: string): GgufMetadata {
  metadata.set('general.architecture', { type: 'string', value: family });
  const facts: Record<string, number> = {
    block_count: shape.layers,
    embedding_length: shape.hidden,
    feed_forward_length: shape.intermediate,
    context_length: shape.context,
    'attention.head_count': shape.heads,
    'attention.head_count_kv': shape.kvHeads,
    'attention.key_length': shape.headDim,
    'attention.value_length': shape.headDim,
    'rope.dimension_count': shape.headDim,
  };
  for (const [name, value] of Object.entries(facts)) metadata.set(`${family}.${name}`, { type: 'uint32', value });
  return metadata;
}

function tensorsOf(
  { layers, hidden, intermediate, heads, kvHeads, headDim }: ModelShape,
  vocabulary: number,
): TensorShape[] {
  const tensor = (name: string, ...shape: number[]): TensorShape => ({
    name: `${name}.weight`,
    type: shape.length > 1 ? 'F16' : 'F32',
    shape,
  });
  const block = (index: number): TensorShape[] => [
    tensor(`blk.${index}.attn_norm`, hidden),
    tensor(`blk.${index}.attn_q`, hidden, heads * headDim),
    tensor(`blk.${index}.attn_k`, hidden, kvHeads * headDim),
    tensor(`blk.${index}.attn_v`, hidden, kvHeads * headDim),
    tensor(`blk.${index}.attn_output`, heads * headDim, hidden),
    tensor(`blk.${index}.ffn_norm`, hidden),
    tensor(`blk.${index}.ffn_gate`, hidden, intermediate),
    tensor(`blk.${index}.ffn_up`, hidden, intermediate),
    tensor(`blk.${index}.ffn_down`, intermediate, hidden),
  ];
  return [
    tensor('token_embd', hidden, vocabulary),
    tensor('output_norm', hidden),
    tensor('output', hidden, vocabulary),
    ...Array.from({ length: layers }, (_, index) => block(index)).flat(),
  ];
}
