// A sliced model that is nowhere: its tensors are computed from the dense model's when they are read, and rounded to
// float32. Whatever reads a model (graphs, exporters, the quantiser) reads this one.
import type { Decoder } from '../architectures/decoder.ts';
import { readGgufConfig } from '../formats/gguf-config.ts';
import type { GgufModel } from '../formats/gguf-reader.ts';
import { ggufLayout } from '../formats/gguf-writer.ts';
import { weightCount } from '../formats/model-source.ts';
import type { ModelSource } from '../formats/model-source.ts';
import { tensorRange } from '../formats/tensor.ts';
import { bytesOf } from '../formats/typed-views.ts';
import type { TensorEntry } from '../formats/tensor.ts';
import type { Dequantize } from '../graph/float-values.ts';
import type { LinearAlgebra } from '../linear-algebra/linear-algebra.ts';
import { rowsOf } from '../quantization/tensor-slabs.ts';
import type { RotationForm } from './shared-rotation.ts';
import { planSlicedModel } from './sliced-model.ts';
import type { SlicedModel } from './sliced-model.ts';
import { slicedRowReader } from './transform-tensor.ts';
import type { Arithmetic, Turning } from './transform-tensor.ts';

export interface SlicedSourceOptions {
  decoder: Decoder;
  rotation: Turning & RotationForm;
  dequantize: Dequantize;
  linearAlgebra: LinearAlgebra;
  /** @default 'float64' */
  arithmetic?: Arithmetic;
  /** False where the keys are for nobody but our graphs: a tokenizer that llama.cpp does not know is no hindrance then. @default true */
  withTokenizer?: boolean;
  signal: AbortSignal;
}

export interface SlicedSource extends ModelSource {
  readonly gguf: GgufModel;
  readonly sliced: SlicedModel;
}

const ggufVersion = 3;

/**
 * The sliced form of an open model: names, shapes and keys of its GGUF, every tensor F32. Reads of turned columns compute
 * the rows asked for (of q and k whole heads where their rows change order); the last matrix whose rows turn is held,
 * so one read at a time. Closing it leaves the dense model open. @throws as planSlicedModel; reads throw NON_FINITE, UNSUPPORTED_TYPE,
 * NUMERICAL_FAILURE, the signal's reason
 */
export async function slicedSource(options: SlicedSourceOptions): Promise<SlicedSource> {
  const { decoder, rotation, arithmetic = 'float64', withTokenizer, dequantize, linearAlgebra, signal } = options;
  const { model, config } = decoder;
  const sliced = await planSlicedModel(decoder, rotation, dequantize, withTokenizer);
  const { metadata } = sliced;
  const { tensors, fileBytes, alignment } = ggufLayout(metadata, sliced.tensors);
  const planned = new Map(sliced.tensors.map((tensor) => [tensor.name, tensor]));
  const rowsFrom = slicedRowReader({
    ...{ model, rotation, headDim: config.headDim, arithmetic, dequantize, linearAlgebra, signal },
  });

  async function readInto(entry: TensorEntry, target: Uint8Array, offset = 0): Promise<void> {
    tensorRange(entry, offset, target.length);
    const rowBytes = entry.bytes / rowsOf(entry.shape).rows;
    const first = Math.floor(offset / rowBytes);
    const count = Math.ceil((offset + target.length) / rowBytes) - first;
    /** Place in `target` of the next part: before its start where the first row is not wanted whole. */
    let place = first * rowBytes - offset;
    for await (const part of rowsFrom(planned.get(entry.name)!, { first, count })) {
      const bytes = bytesOf(part instanceof Float32Array ? part : new Float32Array(part));
      const skipped = Math.max(0, -place);
      target.set(bytes.subarray(skipped, target.length - place), place + skipped);
      place += bytes.length;
    }
  }

  async function read(entry: TensorEntry, offset = 0, length = entry.bytes - offset): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    await readInto(entry, bytes, offset);
    return bytes;
  }

  async function gather(entry: TensorEntry, rows: Int32Array): Promise<Uint8Array> {
    const bytes = new Uint8Array((entry.bytes / rowsOf(entry.shape).rows) * rows.length);
    let place = 0;
    for await (const part of rowsFrom(planned.get(entry.name)!, rows)) {
      const made = bytesOf(part instanceof Float32Array ? part : new Float32Array(part));
      bytes.set(made, place);
      place += made.length;
    }
    return bytes;
  }

  const files = { path: model.path, fileBytes, read, readInto, gather, close: async (): Promise<void> => {} };
  return {
    ...files,
    ...readGgufConfig(metadata, tensors),
    kind: 'gguf',
    tensors,
    parameters: weightCount(tensors),
    gguf: { ...files, version: ggufVersion, alignment, metadata, tensors: [...tensors], shards: [] },
    sliced,
  };
}
