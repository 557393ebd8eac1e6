// The order in which llama.cpp writes tensors: by layer, then by name; tensors outside the layers come first.
// Source: src/llama-model-loader.h (weight_name_comparer) of llama.cpp v0.4.0.

/** Layer of `blk.N.…`, as sscanf reads it, or -1. */
function layerOf(name: string): number {
  const match = /^blk\.\s*([+-]?\d+)/.exec(name);
  return match ? Number(match[1]) : -1;
}

/** A sorted copy. Names compare by their UTF-8 bytes, as C++ strings do. */
export function inLlamaOrder<T extends { name: string }>(tensors: readonly T[]): T[] {
  return tensors
    .map((tensor) => ({ tensor, layer: layerOf(tensor.name), bytes: Buffer.from(tensor.name) }))
    .sort((a, b) => a.layer - b.layer || Buffer.compare(a.bytes, b.bytes))
    .map(({ tensor }) => tensor);
}
