// A llama GGUF four times the size of the 135M model, made from a seed: what memory takes is the same whatever the
// weights are. F16, 24 layers, 539 million weights, 1.1 GB. The sample model's tokenizer, filled up with unused tokens.
import { convertFloats } from '../../src-main/core/export/hf-to-gguf/float-values.ts';
import { openGguf } from '../../src-main/core/formats/gguf-reader.ts';
import type { GgufMetadata } from '../../src-main/core/formats/gguf-values.ts';
import { createGgufWriter, ggufLayout } from '../../src-main/core/formats/gguf-writer.ts';
import { StringList } from '../../src-main/core/formats/string-list.ts';
import type { TensorShape } from '../../src-main/core/formats/tensor.ts';
import { seededNumbers } from '../worker/quantize-oracle.ts';
import { sampleModel } from './paths.ts';

const [layers, hidden, intermediate, heads, keyValueHeads, headDim] = [24, 1280, 4096, 20, 5, 64];
const syntheticVocabulary = 49_152;

/** llama.cpp's LLAMA_TOKEN_TYPE_UNUSED. */
const unusedToken = 5;
/** Values that repeat; prime, so that no two rows of a matrix are the same. */
const patternLength = 4_194_301;

/** Writes the model, a tensor at a time. The same seed gives the same bytes. */
export async function writeSyntheticModel(file: string, seed: number): Promise<void> {
  const layout = ggufLayout(await metadata(), tensors());
  const pattern = normalPattern(seed);
  const byScale = new Map<number, Uint8Array>();
  const halves = (scale: number): Uint8Array => {
    if (!byScale.has(scale)) byScale.set(scale, asHalves(pattern, scale));
    return byScale.get(scale)!;
  };
  const writer = await createGgufWriter(file, layout);
  for (const [index, tensor] of layout.tensors.entries()) {
    const values =
      tensor.shape.length === 1
        ? [normWeights(pattern, index, tensor.shape[0]!)]
        : repeated(halves(scaleOf(tensor)), 2 * ((index * 104_729) % patternLength), tensor.bytes);
    await writer.writeTensor(tensor.name, values);
  }
  await writer.finish();
}

/** Near enough to a standard normal distribution: the sum of twelve uniform numbers, less six, has its mean and variance. */
function normalPattern(seed: number): Float32Array {
  const next = seededNumbers(seed);
  const values = new Float32Array(patternLength);
  for (let index = 0; index < patternLength; index += 1) {
    let sum = -6;
    for (let term = 0; term < 12; term += 1) sum += next();
    values[index] = sum;
  }
  return values;
}

const asHalves = (pattern: Float32Array, scale: number): Uint8Array =>
  convertFloats(new Uint8Array(pattern.map((value) => value * scale).buffer), 'F32', 'F16');

/**
 * Standard deviation of a matrix: embeddings 1, linears 1 / sqrt(in), so that outputs are about as large as inputs; what
 * enters the residual also by 1 / sqrt(2L), so that it at most doubles over all layers.
 */
function scaleOf({ name, shape }: TensorShape): number {
  if (name.startsWith('token_embd')) return 1;
  const entersResidual = /attn_output|ffn_down/.test(name);
  return 1 / Math.sqrt(shape[0]! * (entersResidual ? 2 * layers : 1));
}

/** From 0.4 to 1.6: not constant, so that a fold shows and an output layer would lose its tie. */
const normWeights = (pattern: Float32Array, index: number, columns: number): Uint8Array =>
  new Uint8Array(pattern.slice(index * columns, (index + 1) * columns).map((value) => 1 + value / 10).buffer);

function* repeated(pattern: Uint8Array, start: number, bytes: number): Generator<Uint8Array> {
  let done = 0;
  for (let from = start; done < bytes; from = 0) {
    const part = pattern.subarray(from, from + Math.min(pattern.length - from, bytes - done));
    done += part.length;
    yield part;
  }
}

async function metadata(): Promise<GgufMetadata> {
  const sample = await openGguf(sampleModel);
  const values = sample.metadata.clone();
  await sample.close();
  const facts: Record<string, number> = {
    block_count: layers,
    embedding_length: hidden,
    feed_forward_length: intermediate,
    context_length: 2048,
    vocab_size: syntheticVocabulary,
    'attention.head_count': heads,
    'attention.head_count_kv': keyValueHeads,
    'attention.key_length': headDim,
    'attention.value_length': headDim,
    'rope.dimension_count': headDim,
  };
  for (const [name, value] of Object.entries(facts)) values.set(`llama.${name}`, { type: 'uint32', value });
  const tokens = values.strings('tokenizer.ggml.tokens');
  const types = new Int32Array(syntheticVocabulary).fill(unusedToken);
  const known = values.get('tokenizer.ggml.token_type');
  if (known?.type !== 'array' || !(known.value instanceof Int32Array)) throw new Error('the sample has no token types');
  types.set(known.value);
  const unused = Array.from({ length: syntheticVocabulary - tokens.length }, (_, index) => `<|unused_${index}|>`);
  const value = StringList.from([...tokens, ...unused]);
  return values
    .set('tokenizer.ggml.tokens', { type: 'array', itemType: 'string', value })
    .set('tokenizer.ggml.token_type', { type: 'array', itemType: 'int32', value: types });
}

function tensors(): TensorShape[] {
  const matrix = (name: string, columns: number, rows: number): TensorShape => ({
    name: `${name}.weight`,
    type: 'F16',
    shape: [columns, rows],
  });
  const norm = (name: string): TensorShape => ({ name: `${name}.weight`, type: 'F32', shape: [hidden] });
  const block = (prefix: string): TensorShape[] => [
    norm(`${prefix}.attn_norm`),
    matrix(`${prefix}.attn_q`, hidden, heads * headDim),
    matrix(`${prefix}.attn_k`, hidden, keyValueHeads * headDim),
    matrix(`${prefix}.attn_v`, hidden, keyValueHeads * headDim),
    matrix(`${prefix}.attn_output`, heads * headDim, hidden),
    norm(`${prefix}.ffn_norm`),
    matrix(`${prefix}.ffn_gate`, hidden, intermediate),
    matrix(`${prefix}.ffn_up`, hidden, intermediate),
    matrix(`${prefix}.ffn_down`, intermediate, hidden),
  ];
  return [
    matrix('token_embd', hidden, syntheticVocabulary),
    norm('output_norm'),
    ...Array.from({ length: layers }, (_, layer) => block(`blk.${layer}`)).flat(),
  ];
}
