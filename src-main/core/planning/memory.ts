// Memory of a plan on a card, from llama.cpp's breakdown; split by tensor sizes where a part stays on the CPU.
import type { MemoryPart } from '../../contract/llama-host-api.ts';
import type { PlanMemory } from '../../contract/plan.ts';
import type { TensorEntry } from '../formats/tensor.ts';

/**
 * Memory on the card: the parts on GPUs where llama.cpp has one, else all parts. Without a GPU everything is counted on
 * the card, also the token embedding that llama.cpp leaves in system memory: the card needs that much less.
 */
export function memoryOf(parts: readonly MemoryPart[], reserveBytes: number): PlanMemory {
  const onGpu = parts.filter((part) => part.kind === 'gpu');
  const card = onGpu.length > 0 ? onGpu : parts;
  const system = onGpu.length > 0 ? parts.filter((part) => part.kind !== 'gpu') : [];
  const weightsBytes = sum(card, (part) => part.modelBytes);
  const kvBytes = sum(card, (part) => part.contextBytes);
  const buffersBytes = sum(card, (part) => part.computeBytes);
  return {
    weightsBytes,
    kvBytes,
    buffersBytes,
    reserveBytes,
    totalBytes: weightsBytes + kvBytes + buffersBytes + reserveBytes,
    basis: 'llama.cpp',
    systemBytes: sum(system, (part) => part.modelBytes + part.contextBytes + part.computeBytes),
  };
}

/** The same plan with some weights and a share of the cache in system memory. */
export function moved(memory: PlanMemory, weightsBytes: number, kvBytes: number): PlanMemory {
  return {
    ...memory,
    weightsBytes: memory.weightsBytes - weightsBytes,
    kvBytes: memory.kvBytes - kvBytes,
    totalBytes: memory.totalBytes - weightsBytes - kvBytes,
    systemBytes: memory.systemBytes + weightsBytes + kvBytes,
    basis: 'formula',
  };
}

const expertName = /^blk\.(\d+)\.ffn_(?:up|down|gate|gate_up)_(?:ch)?exps\./;
const layerName = /^blk\.(\d+)\./;

/** Bytes of the expert tensors of each layer; empty layers are 0. What llama.cpp's --n-cpu-moe moves. */
export const expertBytes = (tensors: readonly TensorEntry[], layers: number): number[] =>
  bytesPerLayer(tensors, layers, expertName);

/** Bytes of all tensors of each layer. */
export const layerBytes = (tensors: readonly TensorEntry[], layers: number): number[] =>
  bytesPerLayer(tensors, layers, layerName);

function bytesPerLayer(tensors: readonly TensorEntry[], layers: number, pattern: RegExp): number[] {
  const result = new Array<number>(layers).fill(0);
  for (const { name, bytes } of tensors) {
    const layer = Number(pattern.exec(name)?.[1] ?? -1);
    if (layer >= 0 && layer < layers) result[layer]! += bytes;
  }
  return result;
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
