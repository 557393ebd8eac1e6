// Tiny models (random weights, fp32) with tokens and float64 references of transformers, each a folder by its name: those
// of golden/models, whose README says how they were made, and ours in test/fixtures/models, made by the scripts there.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fixtures, root } from './paths.ts';

const folder = path.join(process.env['SNUG_REFERENCE_DATA'] ?? path.resolve(root, '../shared'), 'golden/models');
const fixtureFolder = path.join(fixtures, 'models');

/** Null where this machine does not have them. */
export const goldenModels = existsSync(folder) ? folder : null;

/** Our own: one folder per family that golden/models lacks. */
export const fixtureModels: readonly string[] = existsSync(fixtureFolder)
  ? readdirSync(fixtureFolder).filter((name) => existsSync(path.join(fixtureFolder, name, 'config.json')))
  : [];

/** Other norms and layouts than llama's, and tensors that hold several linears. */
export const otherLayouts: readonly string[] = goldenModels === null ? [] : ['opt', 'phi', 'phi3'];

/** All that are here and have graphs. */
export const tinyModels: readonly string[] = [
  ...(goldenModels === null ? [] : ['llama-gqa', 'llama-tied', 'qwen2', 'mistral', 'qwen3', 'llama3-rope']),
  ...otherLayouts,
  ...fixtureModels,
];

export const tinyModel = (name: string): string =>
  path.join(fixtureModels.includes(name) ? fixtureFolder : folder, name);

export const readJson = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8')) as T;

/** Token rows of a tiny model: windows of one length. */
export function goldenTokens(name: string): Int32Array[] {
  const { input_ids } = readJson<{ input_ids: number[][] }>(path.join(tinyModel(name), 'input.tokens.json'));
  return input_ids.map((row) => Int32Array.from(row));
}

/** The last eight positions of the first two windows: where the references have logits. */
export function goldenPositions(windowLength: number): { window: number; position: number }[] {
  return [0, 1].flatMap((window) =>
    Array.from({ length: 8 }, (_, index) => ({ window, position: windowLength - 8 + index })),
  );
}

/** A float64 tensor of a safetensors file, read without the code under test. */
export function readFloat64(file: string, name: string): Float64Array {
  const bytes = readFileSync(file);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, start).toString()) as Record<
    string,
    { dtype: string; data_offsets: [number, number] }
  >;
  const { dtype, data_offsets } = header[name]!;
  if (dtype !== 'F64') throw new Error(`${name} is ${dtype}`);
  return new Float64Array(new Uint8Array(bytes.subarray(start + data_offsets[0], start + data_offsets[1])).buffer);
}

export function mean(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}

/** Largest absolute difference; arrays of different length are infinitely far apart. */
export function furthest(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Infinity;
  return Array.from(expected).reduce((worst, value, index) => Math.max(worst, Math.abs(value - found[index]!)), 0);
}
