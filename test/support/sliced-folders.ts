// Folders of sliced models: a place for each, and what lies there.
import path from 'node:path';
import { readFloats } from '../../src-main/core/graph/float-values.ts';
import type { SlicedDecoder } from '../../src-main/core/slicing/per-block/sliced-decoder.ts';
import { temporaryFolder } from '../llama-host/host.ts';
import { ports } from './slicing.ts';

const folder = temporaryFolder();
let made = 0;
export const newPath = (): string => path.join(folder, String((made += 1)));

/** Every tensor by its name. */
export async function tensorsOf({ model }: SlicedDecoder): Promise<Map<string, Float32Array>> {
  const found = new Map<string, Float32Array>();
  for (const entry of model.tensors) found.set(entry.name, await readFloats(model, entry, ports.dequantize));
  return found;
}
