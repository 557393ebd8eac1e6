// Tensors outside of the layers of a model that is sliced: tables of embeddings in the basis of the first site, the output
// layer in that of the last, with the last norm fused. Products in float64; whoever writes a tensor casts it, once.
import type { Decoder } from '../../architectures/decoder.ts';
import { globalTensorName } from '../../export/weights/decoder-tensors.ts';
import type { TensorEntry } from '../../formats/tensor.ts';
import { readFloatRows, readFloats } from '../../graph/float-values.ts';
import { fuseLinear } from '../../graph/fusion.ts';
import { headBiasName, positionsTable } from './fused-form.ts';
import { centredBasis, turnedTensor } from './step-weights.ts';
import type { Directions, StepContext, WriteTensor } from './step-weights.ts';

interface OuterContext extends StepContext {
  write: WriteTensor;
  paperCompat?: boolean;
}

const columns = { kind: 'columns', scale: 1, interleaves: false } as const;

/** Writes (E·Q)[:, :e] of every table; without the means of its rows where norms are LayerNorms, or for paperCompat. */
export async function writeTables(context: OuterContext, input: Directions): Promise<void> {
  const { decoder, write, paperCompat = false } = context;
  const isCentred = paperCompat || decoder.architecture.norm.kind === 'layernorm';
  const directions = isCentred ? { ...input, basis: centredBasis(input) } : input;
  const tables = { embeddings: decoder.embeddings, positions: positionsTable(decoder) };
  for (const [role, source] of Object.entries(tables) as [keyof typeof tables, TensorEntry | null][]) {
    if (!source) continue;
    const name = globalTensorName(decoder, role);
    await write(name, turnedTensor(context, name, { ...columns, source, norm: null }, directions));
  }
}

/** Writes W·diag(a)·Q[:, :h] of the output layer, and b + W·β where it or the last norm has a bias. */
export async function writeHead(context: OuterContext, output: Directions): Promise<void> {
  const { decoder, write } = context;
  const { lmHead: source, finalNorm: norm, finalNormBias, lmHeadBias } = decoder;
  const name = globalTensorName(decoder, 'lmHead');
  await write(name, turnedTensor(context, name, { ...columns, source, norm }, output));
  if (finalNormBias || lmHeadBias) await write(headBiasName(decoder), headBias(context, decoder));
}

/** Rows of the output layer that are read at a time. */
const slabRows = 256;

async function* headBias(
  { dequantize }: StepContext,
  { model, config, lmHead, lmHeadBias, finalNorm, finalNormBias }: Decoder,
): AsyncGenerator<Float64Array, void> {
  const { vocabSize, hiddenSize } = config;
  const read = async (entry: TensorEntry): Promise<Float64Array> =>
    Float64Array.from(await readFloats(model, entry, dequantize));
  const own = lmHeadBias && (await read(lmHeadBias));
  const norm = { weight: await read(finalNorm), bias: finalNormBias && (await read(finalNormBias)) };
  for (let firstRow = 0; firstRow < vocabSize; firstRow += slabRows) {
    const rows = Math.min(slabRows, vocabSize - firstRow);
    const target = new Float32Array(rows * hiddenSize);
    const matrix = Float64Array.from(await readFloatRows({ model, entry: lmHead, firstRow }, dequantize, target));
    yield fuseLinear(matrix, own && own.slice(firstRow, firstRow + rows), norm)!;
  }
}
