// Model folders for these tests: the sample's or a golden one with some files changed, and what a conversion gives.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import {
  convertFolder,
  type ConvertRequest,
  type ConvertResult,
} from '../../../src-main/core/export/hf-to-gguf/convert-folder.ts';
import { openModel, type ModelSource } from '../../../src-main/core/formats/model-source.ts';
import { createSafetensorsWriter } from '../../../src-main/core/formats/safetensors-writer.ts';
import { bytesOf } from '../../../src-main/core/formats/typed-views.ts';
import { root } from '../../support/paths.ts';

export const hasAddon = existsSync(path.join(root, 'native/build/Release/snug_llama.node'));

const scratch = mkdtempSync(path.join(tmpdir(), 'snug-export-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let made = 0;

/** A place for an output that is gone after the tests. */
export function newPath(name: string): string {
  made += 1;
  const folder = path.join(scratch, String(made));
  mkdirSync(folder);
  return path.join(folder, name);
}

/** Per file: new content, an object to lay over the JSON that is there, or null for no such file. */
export type Changes = Record<string, Uint8Array | string | object | null>;

/** A folder with the files of `base`, changed; large files are links. */
export function folderLike(base: string, changes: Changes, name = 'model'): string {
  const folder = newPath(name);
  mkdirSync(folder);
  for (const file of readdirSync(base)) {
    if (!(file in changes)) symlinkSync(path.join(base, file), path.join(folder, file));
  }
  for (const [file, change] of Object.entries(changes)) {
    if (change === null) continue;
    const isContent = typeof change === 'string' || change instanceof Uint8Array;
    writeFileSync(path.join(folder, file), isContent ? change : JSON.stringify({ ...json(base, file), ...change }));
  }
  return folder;
}

/** A folder like `base` whose weights have vectors added to them, in F32. */
export async function folderWithVectors(base: string, vectors: Record<string, Float32Array>): Promise<string> {
  const folder = folderLike(base, { 'model.safetensors': null });
  const source = await openModel(base);
  const added = Object.entries(vectors).map(([name, values]) => ({
    name,
    values,
    type: 'F32',
    shape: [values.length],
  }));
  const writer = await createSafetensorsWriter(folder, [...source.tensors, ...added]);
  for (const entry of source.tensors) await writer.writeTensor(entry.name, await source.read(entry));
  for (const { name, values } of added) await writer.writeTensor(name, bytesOf(values));
  await writer.finish();
  await source.close();
  return folder;
}

/** A folder like `base` whose tensors have other names. */
export async function folderWithNames(base: string, rename: (name: string) => string): Promise<string> {
  const folder = folderLike(base, { 'model.safetensors': null });
  const source = await openModel(base);
  const writer = await createSafetensorsWriter(
    folder,
    source.tensors.map((entry) => ({ ...entry, name: rename(entry.name) })),
  );
  for (const entry of source.tensors) await writer.writeTensor(rename(entry.name), await source.read(entry));
  await writer.finish();
  await source.close();
  return folder;
}

function json(base: string, file: string): object {
  const full = path.join(base, file);
  return existsSync(full) ? (JSON.parse(readFileSync(full, 'utf8')) as object) : {};
}

/** Converts `folder`; `output` is made up unless given. */
export async function convert(
  folder: string,
  options: Partial<ConvertRequest> = {},
): Promise<ConvertResult & { output: string }> {
  const source = await openModel(folder);
  const output = options.output ?? newPath('out.gguf');
  const signal = new AbortController().signal;
  try {
    return { ...(await convertFolder({ source, signal, progress: () => {}, ...options, output })), output };
  } finally {
    await source.close();
  }
}

/** Converts `folder` and opens what came out. */
export async function converted(folder: string, options: Partial<ConvertRequest> = {}): Promise<ModelSource> {
  const { output } = await convert(folder, options);
  const model = await openModel(output);
  opened.push(model);
  return model;
}

const opened: ModelSource[] = [];
afterAll(async () => {
  for (const model of opened) await model.close();
});

/** Metadata as plain values: lists as arrays, bigints as strings. */
export function plainMetadata(model: ModelSource): Record<string, unknown> {
  return Object.fromEntries(
    [...model.gguf!.metadata].map(([key, value]) => [
      key,
      value.type === 'array'
        ? { items: value.itemType, value: [...(value.value as Iterable<unknown>)] }
        : { type: value.type, value: value.value },
    ]),
  );
}

/** Per tensor: type, shape and bytes. */
export async function plainTensors(
  model: ModelSource,
): Promise<Map<string, { type: string; shape: string; bytes: Buffer }>> {
  const tensors = new Map<string, { type: string; shape: string; bytes: Buffer }>();
  for (const entry of model.tensors) {
    tensors.set(entry.name, {
      type: entry.type,
      shape: entry.shape.join(' x '),
      bytes: Buffer.from(await model.read(entry)),
    });
  }
  return tensors;
}

/** Names of the tensors in which two models differ, or that one of them lacks. */
export async function differingTensors(a: ModelSource, b: ModelSource): Promise<string[]> {
  const [left, right] = [await plainTensors(a), await plainTensors(b)];
  return [...new Set([...left.keys(), ...right.keys()])].filter((name) => {
    const [one, other] = [left.get(name), right.get(name)];
    return !one || !other || one.type !== other.type || one.shape !== other.shape || !one.bytes.equals(other.bytes);
  });
}
