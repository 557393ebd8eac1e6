// Models with one fault each, made from the sample or from a folder.
import { copyFileSync, cpSync, openSync, writeSync, closeSync } from 'node:fs';
import path from 'node:path';
import { openGguf } from '../../src-main/core/formats/gguf-reader.ts';
import { createGgufWriter, ggufLayout } from '../../src-main/core/formats/gguf-writer.ts';
import type { GgufMetadata } from '../../src-main/core/formats/gguf-values.ts';
import { openModel } from '../../src-main/core/formats/model-source.ts';
import type { TensorEntry } from '../../src-main/core/formats/tensor.ts';
import { sampleModel } from './paths.ts';

/** Copies the sample and overwrites one F16 element of a tensor. */
export async function withElement(target: string, tensor: string, element: number, halfBits: number): Promise<void> {
  await withBytes(target, tensor, element * 2, new Uint8Array([halfBits & 0xff, halfBits >> 8]));
}

/** Copies the sample and sets one F32 element of a vector. */
export async function withFloat(target: string, tensor: string, element: number, value: number): Promise<void> {
  await withBytes(target, tensor, element * 4, new Uint8Array(Float32Array.of(value).buffer));
}

/** Copies a folder of one F32 file of weights and sets one element of a tensor. */
export async function withFolderFloat(
  source: string,
  target: string,
  change: { tensor: string; element: number; value: number },
): Promise<void> {
  cpSync(source, target, { recursive: true });
  const bytes = new Uint8Array(Float32Array.of(change.value).buffer);
  overwrite(path.join(target, 'model.safetensors'), (await placeOf(source, change.tensor)) + change.element * 4, bytes);
}

async function withBytes(target: string, tensor: string, place: number, bytes: Uint8Array): Promise<void> {
  copyFileSync(sampleModel, target);
  overwrite(target, (await placeOf(sampleModel, tensor)) + place, bytes);
}

async function placeOf(source: string, tensor: string): Promise<number> {
  const model = await openModel(source);
  await model.close();
  return model.tensors.find(({ name }) => name === tensor)!.offset;
}

function overwrite(target: string, place: number, bytes: Uint8Array): void {
  const file = openSync(target, 'r+');
  writeSync(file, bytes, 0, bytes.length, place);
  closeSync(file);
}

/** Rewrites a model with changed metadata. */
export async function withMetadata(
  source: string,
  target: string,
  change: (metadata: GgufMetadata) => void,
): Promise<void> {
  const model = await openGguf(source);
  const metadata = model.metadata.clone();
  change(metadata);
  const writer = await createGgufWriter(target, ggufLayout(metadata, model.tensors));
  for (const tensor of model.tensors) await writer.writeTensor(tensor.name, await model.read(tensor));
  await writer.finish();
  await model.close();
}

/** Rewrites a model with changed tensors: `change` answers the bytes of one. */
export async function withTensors(
  source: string,
  target: string,
  change: (tensor: TensorEntry, bytes: Uint8Array) => Uint8Array,
): Promise<void> {
  const model = await openGguf(source);
  const writer = await createGgufWriter(target, ggufLayout(model.metadata, model.tensors));
  for (const tensor of model.tensors) await writer.writeTensor(tensor.name, change(tensor, await model.read(tensor)));
  await writer.finish();
  await model.close();
}

/** Rewrites a model with q, k and v of every layer in one tensor, and their biases in another. */
export async function withJoinedInputs(source: string, target: string): Promise<void> {
  const model = await openGguf(source);
  const parts = Map.groupBy(model.tensors, ({ name }) => name.replace(/attn_[qkv]\./, 'attn_qkv.'));
  const tensors = Array.from(parts, ([name, [first, ...rest]]) => {
    const rows = [first!, ...rest].reduce((sum, { shape }) => sum + shape.at(-1)!, 0);
    return { name, type: first!.type, shape: [...first!.shape.slice(0, -1), rows] };
  });
  const writer = await createGgufWriter(target, ggufLayout(model.metadata, tensors));
  for (const [name, entries] of parts) {
    const order = entries.toSorted((one, other) => 'qkv'.indexOf(kindOf(one)) - 'qkv'.indexOf(kindOf(other)));
    await writer.writeTensor(name, Buffer.concat(await Promise.all(order.map((entry) => model.read(entry)))));
  }
  await writer.finish();
  await model.close();
}

const kindOf = ({ name }: TensorEntry): string => /attn_([qkv])\./.exec(name)?.[1] ?? '';
