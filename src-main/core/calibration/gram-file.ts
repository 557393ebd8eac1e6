// The saved Gram of a calibration: a GGUF of general.type `snug.gram` with tensor `gram` [D, D], and where they were
// taken `traces` [sites] and `spectra` [sites, D], all float64. It can be looked at with any GGUF tool; its header says
// what it was made of.
import { AppError, malformed } from '../../contract/errors.ts';
import { firstNonFinite } from '../formats/finite-check.ts';
import { GgufMetadata } from '../formats/gguf-values.ts';
import { checkSealed, readSealed, writeSealed } from './sealed-gguf.ts';

const fileKind = 'snug.gram';
const prefix = 'snug.gram.';
const ofPrefix = `${prefix}of.`;

export interface SavedGram {
  /** [D, D] float64, symmetric. */
  gram: Float64Array<ArrayBuffer>;
  /** D. */
  size: number;
  tokens: number;
  /** Norm inputs that were summed: 2L + 1. */
  sites: number;
  /** [sites] float64: traces of the sites' Grams; null where the file has none. */
  traces: Float64Array | null;
  /** [sites, D] float64: eigenvalues of each site's Gram, descending; null where the file has none. */
  spectra: Float64Array | null;
  /** What it was made of and by, in words. */
  madeOf: Readonly<Record<string, string>>;
}

/** What a Gram is summed over, without what is said of it besides. */
export type SummedGram = Pick<SavedGram, 'gram' | 'size' | 'tokens' | 'sites'>;

interface GramToWrite extends Omit<SavedGram, 'gram' | 'traces' | 'spectra' | 'madeOf'> {
  gram: Float64Array;
  traces?: Float64Array | null;
  spectra?: Float64Array | null;
  madeOf?: Readonly<Record<string, string>>;
}

/** Writes a Gram, in place of an older file. @throws DISK_FULL, FILE_NOT_FOUND */
export async function writeGram(output: string, saved: GramToWrite): Promise<void> {
  const { gram, size, tokens, sites, traces = null, spectra = null, madeOf = {} } = saved;
  const metadata = new GgufMetadata(output)
    .set(`${prefix}tokens`, { type: 'uint64', value: BigInt(tokens) })
    .set(`${prefix}sites`, { type: 'uint32', value: sites });
  for (const [key, value] of Object.entries(madeOf)) metadata.set(ofPrefix + key, { type: 'string', value });
  const tensors = [
    { name: 'gram', shape: [size, size], values: gram },
    ...(traces ? [{ name: 'traces', shape: [sites], values: traces }] : []),
    ...(spectra ? [{ name: 'spectra', shape: [size, sites], values: spectra }] : []),
  ];
  await writeSealed(output, { kind: fileKind, metadata, tensors });
}

/** Reads and checks a Gram. @throws FILE_NOT_FOUND; FILE_MALFORMED for another kind of file or a damaged one; NON_FINITE */
export async function readGram(path: string): Promise<SavedGram> {
  const { metadata, tensors } = await readSealed(path, fileKind);
  const gram = tensors.get('gram') ?? new Float64Array();
  const [size, sites] = [Math.sqrt(gram.length), metadata.integer(`${prefix}sites`)];
  const [traces, spectra] = [tensors.get('traces') ?? null, tensors.get('spectra') ?? null];
  if (size === 0 || !Number.isInteger(size) || (traces?.length ?? sites) !== sites)
    throw malformed(path, 'tensors', { expected: 'a square Gram and a trace for each site', actual: 'others' });
  for (const values of [gram, traces, spectra]) {
    const bad = values ? firstNonFinite('F64', new Uint8Array(values.buffer)) : -1;
    if (bad !== -1) throw new AppError('NON_FINITE', `${path} holds ${values![bad]}: calibrate again.`, { path });
  }
  const tokens = metadata.integer(`${prefix}tokens`);
  return { gram, size, tokens, sites, traces, spectra, madeOf: madeOfIn(metadata) };
}

/** Reads all of a Gram's file and keeps only what it was made of. @throws FILE_NOT_FOUND, FILE_MALFORMED */
export async function checkGram(path: string): Promise<SavedGram['madeOf']> {
  return madeOfIn(await checkSealed(path, fileKind));
}

function madeOfIn(metadata: GgufMetadata): SavedGram['madeOf'] {
  const keys = [...metadata.keys()].filter((key) => key.startsWith(ofPrefix));
  return Object.fromEntries(keys.map((key) => [key.slice(ofPrefix.length), metadata.string(key)]));
}
