// Writes a GGUF model from another with new tensor types: reading, converting and writing overlap, slab by slab.
// The result equals llama.cpp's llama_model_quantize (src/llama-quant.cpp, v0.4.0) byte for byte where that takes the
// same types: the same kernels, the same order of tensors and keys.
import { rm } from 'node:fs/promises';
import type { Progress } from '../../contract/progress.ts';
import { createGgufWriter } from '../formats/gguf-writer.ts';
import type { GgufModel } from '../formats/gguf-reader.ts';
import type { KeptPart } from '../formats/kept-part.ts';
import type { TensorEntry } from '../formats/tensor.ts';
import { nonFiniteError } from './faults.ts';
import type { ImportanceFile, TensorImportance } from './importance-file.ts';
import { planTensors, type TensorPlan } from './quantize-plan.ts';
import { quantizedLayout } from './quantized-layout.ts';
import type { Fault, Quantizer } from './quantizer.ts';
import { requantizedTensors } from './source-precision.ts';
import {
  ahead,
  BufferRing,
  largestSlab,
  readSlabs,
  rowsOf,
  slabsOf,
  type ReadSlab,
  type Slab,
} from './tensor-slabs.ts';
import { Throughput } from './throughput.ts';

export interface QuantizeRequest {
  model: GgufModel;
  output: string;
  /** Tensor name -> type; tensors that are not named, or have that type, are copied byte for byte. */
  types: Readonly<Record<string, string>>;
  /** general.file_type; null keeps the source's. */
  fileType: number | null;
  importance: ImportanceFile | null;
  quantizer: Quantizer;
  /** Where a file that is cut short by a kill or a cancel is kept, to be gone on with by the next call. @default null */
  kept?: KeptPart | null;
  signal: AbortSignal;
  progress: (progress: Progress) => void;
}

export interface QuantizeResult {
  fileBytes: number;
  sha256: string;
  /** Slices that calibration never reached: ones stood in for their importance. */
  unseenExperts: number;
  /** Tensors of 5 bits or less that were quantised again. */
  requantized: number;
  /** The first tensor that was written, where an earlier call had finished those before it. */
  resumedAtTensor: number | null;
  seconds: number;
}

/**
 * Every value is checked on the way; a failure leaves no file, nor does a cancel but in `kept`.
 * @throws NON_FINITE, IMPORTANCE_MISSING, IMPORTANCE_MISMATCH, UNSUPPORTED_TYPE, OUTPUT_EXISTS, DISK_FULL, CANCELLED
 */
export async function quantizeModel(request: QuantizeRequest): Promise<QuantizeResult> {
  const { model, importance, quantizer, types, fileType, signal, kept = null } = request;
  signal.throwIfAborted();
  importance?.checkBelongsTo(model.tensors, model.path);
  const plans = planTensors({ file: model.path, tensors: model.tensors, types, fileType, importance, quantizer });
  const writer = await createGgufWriter(request.output, quantizedLayout(model, types, fileType), { kept });
  const done = plans.slice(0, writer.keptTensors);
  const missing = plans.slice(writer.keptTensors);
  const throughput = new Throughput('quantize', sourceBytes(plans), request.progress, sourceBytes(done));
  const conversion = new Conversion(request, missing);
  const slabs = ahead(conversion.run());
  try {
    for (const plan of done) await conversion.importanceOf(plan);
    for (const { tensor } of missing)
      await writer.writeTensor(tensor.name, tensorContent(slabs, tensor.bytes, throughput));
    signal.throwIfAborted();
    const written = await writer.finish();
    const requantized = requantizedTensors(model.tensors, types).length;
    return {
      ...{ ...written, unseenExperts: conversion.unseenExperts, requantized, seconds: throughput.seconds },
      resumedAtTensor: done.length > 0 ? done.length : null,
    };
  } catch (error) {
    await writer.discard();
    // Only a cancel is worth it: the next call would fail the same way, and a full disk needs the room.
    if (kept && !signal.aborted) await rm(kept.folder, { recursive: true, force: true });
    throw error;
  } finally {
    await slabs.return(undefined);
  }
}

const sourceBytes = (plans: readonly TensorPlan[]): number => plans.reduce((sum, { tensor }) => sum + tensor.bytes, 0);

interface WrittenSlab {
  /** Name of its tensor. */
  tensor: string;
  sourceBytes: number;
  output: Uint8Array;
}

/** Takes the slabs of one tensor of `tensorBytes` (in the source) off the stream. */
async function* tensorContent(
  slabs: AsyncGenerator<WrittenSlab, void>,
  tensorBytes: number,
  throughput: Throughput,
): AsyncGenerator<Uint8Array> {
  let done = 0;
  while (done < tensorBytes) {
    const next = await slabs.next();
    if (next.done) throw new Error('the stream of slabs ended early');
    const { output, sourceBytes, tensor } = next.value;
    yield output;
    done += sourceBytes;
    throughput.add(sourceBytes, tensor);
  }
}

/** The stream of converted slabs, tensor after tensor. */
class Conversion {
  unseenExperts = 0;
  readonly #request: QuantizeRequest;
  readonly #planOf: ReadonlyMap<TensorEntry, TensorPlan>;
  readonly #slabs: readonly Slab[];
  readonly #sources: BufferRing;
  readonly #outputs: BufferRing;

  constructor(request: QuantizeRequest, plans: readonly TensorPlan[]) {
    this.#request = request;
    this.#planOf = new Map(plans.map((plan) => [plan.tensor, plan]));
    this.#slabs = plans.flatMap(({ tensor, targetBytes }) => slabsOf(tensor, targetBytes));
    // One buffer is written, one converted and one read at a time; a copied slab is written from where it was read.
    this.#sources = new BufferRing(3, largestSlab(this.#slabs));
    this.#outputs = new BufferRing(
      2,
      this.#slabs.reduce((most, slab) => Math.max(most, this.#outputBytes(slab)), 0),
    );
  }

  async *run(): AsyncGenerator<WrittenSlab, void> {
    const { model, signal } = this.#request;
    const read = ahead(readSlabs(model, this.#slabs, this.#sources, signal));
    let importance: TensorImportance | null = null;
    try {
      for await (const slab of read) {
        const plan = this.#planOf.get(slab.tensor)!;
        if (slab.firstRow === 0) importance = await this.importanceOf(plan);
        yield {
          tensor: slab.tensor.name,
          sourceBytes: slab.source.length,
          output: await this.#convert(plan, slab, importance),
        };
      }
    } finally {
      await read.return(undefined);
    }
  }

  /** 0 where the tensor is copied. */
  #outputBytes({ tensor, rows }: Slab): number {
    const { targetType, targetBytes } = this.#planOf.get(tensor)!;
    return targetType === tensor.type ? 0 : (targetBytes / rowsOf(tensor.shape).rows) * rows;
  }

  /** Of a tensor; counts what it has not seen. */
  async importanceOf({ tensor, usesImportance }: TensorPlan): Promise<TensorImportance | null> {
    if (!usesImportance) return null;
    const importance = await this.#request.importance!.read(tensor.name);
    this.unseenExperts += importance.unseenSlices;
    return importance;
  }

  async #convert(plan: TensorPlan, slab: ReadSlab, importance: TensorImportance | null): Promise<Uint8Array> {
    const { tensor, targetType } = plan;
    const { quantizer, signal, model } = this.#request;
    const { columns, rowsPerSlice } = rowsOf(tensor.shape);
    const refuse = (fault: Fault | null): void => {
      if (fault)
        throw nonFiniteError(fault, { file: model.path, tensor, firstElement: slab.firstRow * columns, targetType });
    };
    if (targetType === tensor.type) {
      refuse(await quantizer.check({ type: tensor.type, source: slab.source, elements: slab.rows * columns }, signal));
      return slab.source;
    }
    const output = this.#outputs.take(this.#outputBytes(slab));
    const types = { sourceType: tensor.type, targetType };
    const place = { rows: slab.rows, columns, firstRow: slab.firstRow, rowsPerSlice };
    refuse(
      await quantizer.convert(
        { ...types, ...place, source: slab.source, output, importance: importance?.means ?? null },
        signal,
      ),
    );
    return output;
  }
}
