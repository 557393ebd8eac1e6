// llama.cpp's own quantiser as the oracle: llama_model_quantize through the llama host's addon, and this project's
// worker beside it on the same source, types and importance.
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AppError } from '../../src-main/contract/errors.ts';
import { openGguf } from '../../src-main/core/formats/gguf-reader.ts';
import { openFileSource } from '../../src-main/core/formats/file-source.ts';
import { importanceShape, openImportance } from '../../src-main/core/quantization/importance-file.ts';
import { writeImportance } from '../../src-main/core/quantization/write-importance.ts';
import { handlers } from '../../src-main/worker/handlers.ts';
import { root } from '../support/paths.ts';

// Without the oracle these tests would say nothing: `npm test` builds it, so its absence is a failure.
if (!existsSync(path.join(root, 'native/build/Release/snug_llama.node')))
  throw new Error('The native addons are not built.');

export function temporaryFolder(): string {
  return mkdtempSync(path.join(tmpdir(), 'snug-quantize-'));
}

export const quiet = { signal: new AbortController().signal, progress: () => {} };

/** The error that a call ends with, or null. */
export async function thrownBy(call: () => unknown): Promise<AppError | null> {
  try {
    await call();
    return null;
  } catch (error) {
    return AppError.from(error);
  }
}

export interface ReferenceOptions {
  input: string;
  output: string;
  fileType: number;
  pure?: boolean;
  threads?: number;
  /** An imatrix GGUF. */
  importance?: string | null;
}

/** Runs llama_model_quantize; answers its log, and throws that when it refused. */
export async function quantizeReference({
  input,
  output,
  fileType,
  pure = false,
  threads = 2,
  importance = null,
}: ReferenceOptions): Promise<string> {
  process.env['SNUG_LLAMA_GPU'] = 'off';
  const { openEngine } = await import('../../src-main/llama-host/native/engine.ts');
  const options = {
    input,
    output,
    fileType,
    pure,
    dryRun: false,
    allowRequantize: true,
    threads,
    importance: await meansOf(importance),
  };
  const { succeeded, log } = await openEngine().addon.quantize(options, { cancel: new Int32Array(1) });
  if (!succeeded) throw new Error(log);
  return log;
}

async function meansOf(importance: string | null): Promise<{ name: string; values: Float32Array }[]> {
  if (importance === null) return [];
  const file = await openImportance(importance);
  const entries = [];
  for (const name of file.names) entries.push({ name, values: (await file.read(name)).means });
  await file.close();
  return entries;
}

/** Type per tensor of a written file. */
export async function typesOf(model: string): Promise<Record<string, string>> {
  const gguf = await openGguf(model);
  await gguf.close();
  return Object.fromEntries(gguf.tensors.map(({ name, type }) => [name, type]));
}

/** A stream of numbers in [0, 1) that is the same everywhere (mulberry32). */
export function seededNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An imatrix file with seeded values for every matrix of a model; in a tensor of several slices the second has no rows. */
export async function makeImportance(model: string, folder: string): Promise<string> {
  const gguf = await openGguf(model);
  await gguf.close();
  const next = seededNumbers(7);
  const entries = [];
  const values: number[] = [];
  for (const { name, shape } of gguf.tensors) {
    if (shape.length < 2 || !name.endsWith('.weight')) continue;
    const { columns, slices } = importanceShape(shape);
    entries.push({ name, columns, slices, offset: values.length });
    const counts = Array.from({ length: slices }, (_, slice) => (slices > 1 && slice === 1 ? 0 : 100 + slice));
    for (const count of counts)
      for (let column = 0; column < columns; column += 1) values.push(count * Math.exp(4 * next() - 2));
    values.push(...counts);
  }
  const raw = path.join(folder, 'statistics.f32');
  await writeFile(raw, new Float32Array(values));
  const output = path.join(folder, `${path.basename(model)}.imatrix.gguf`);
  rmSync(output, { force: true });
  const source = await openFileSource(raw);
  await writeImportance({
    raw: source,
    entries,
    output,
    datasets: ['seeded'],
    chunks: 1,
    chunkSize: 512,
    signal: quiet.signal,
  });
  await source.close();
  return output;
}

export async function sha256Of(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

export interface ComparedQuantisation {
  referenceSha256: string;
  ourSha256: string;
  /** The first tensors whose bytes differ; empty where all are equal. */
  differing: string[];
  types: Record<string, string>;
  referenceSeconds: number;
  ourSeconds: number;
}

/** Quantises with both and compares. `folder` receives reference.gguf and ours.gguf, both replaced. */
export async function compareQuantisers(
  options: Omit<ReferenceOptions, 'output'> & { folder: string },
): Promise<ComparedQuantisation> {
  const { folder, input, fileType, importance = null, threads = 2 } = options;
  const reference = path.join(folder, 'reference.gguf');
  const ours = path.join(folder, 'ours.gguf');
  rmSync(ours, { force: true });
  const start = performance.now();
  await quantizeReference({ ...options, output: reference });
  const referenceSeconds = (performance.now() - start) / 1000;
  const types = await typesOf(reference);
  const result = await handlers.quantize({ source: input, output: ours, types, fileType, importance, threads }, quiet);
  return {
    referenceSha256: await sha256Of(reference),
    ourSha256: result.sha256,
    differing: await differingTensors(reference, ours),
    types,
    referenceSeconds,
    ourSeconds: result.seconds,
  };
}

async function differingTensors(reference: string, ours: string): Promise<string[]> {
  const [a, b] = [await openGguf(reference), await openGguf(ours)];
  const byName = new Map(b.tensors.map((tensor) => [tensor.name, tensor]));
  const differing: string[] = [];
  for (const tensor of a.tensors) {
    const other = byName.get(tensor.name);
    const isSame = other?.type === tensor.type && Buffer.compare(await a.read(tensor), await b.read(other)) === 0;
    if (!isSame) differing.push(`${tensor.name} (${tensor.type})`);
  }
  await Promise.all([a.close(), b.close()]);
  return differing.slice(0, 5);
}
