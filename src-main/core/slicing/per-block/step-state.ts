// What a slicing has so far, written after every step: a GGUF of general.type `snug.slicing` with the directions that the next
// step starts from. It replaces the one before by a rename, so that a process that is killed leaves a whole one.
import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { malformed } from '../../../contract/errors.ts';
import { readSealed, writeSealed } from '../../calibration/sealed-gguf.ts';
import { GgufMetadata } from '../../formats/gguf-values.ts';
import type { SiteDirections, StepState } from './slice-per-block.ts';

const found = z.object({
  fingerprint: z.string(),
  steps: z.number().int().min(0),
  /** Of the directions; null where nothing is cut. */
  input: z.object({ width: z.number().int(), size: z.number().int() }).nullable(),
  /** null behind the last step. */
  residual: z.object({ current: z.union([z.literal(0), z.literal(1)]), crc32: z.number() }).nullable(),
  /** Tensors that are finished, as the journal has them. */
  tensors: z.array(z.object({ name: z.string(), bytes: z.number().int(), crc32: z.number() })),
  sites: z.array(
    z.object({
      ...{ name: z.string(), width: z.number().int() },
      ...{ damping: z.number(), energyLost: z.number(), orthogonality: z.number() },
    }),
  ),
});

export interface SavedState extends StepState, Pick<z.infer<typeof found>, 'fingerprint' | 'residual' | 'tensors'> {}

const fileKind = 'snug.slicing';
const stateKey = 'snug.slicing.state';
const eigenvalues = (site: number): string => `eigenvalues.${site}`;

/** @throws DISK_FULL */
export async function writeState(file: string, { input, sites, ...rest }: SavedState): Promise<void> {
  const reports = sites.map(({ eigenvalues: _, ...report }) => report);
  const shape = input && { width: input.width, size: input.size };
  const value = JSON.stringify({ ...rest, input: shape, sites: reports } satisfies z.infer<typeof found>);
  const tensors = [
    ...(input ? directionsOf(input) : []),
    ...sites.map((site, index) => ({
      ...{ name: eigenvalues(index), shape: [site.eigenvalues.length], values: site.eigenvalues },
    })),
  ];
  const metadata = new GgufMetadata(file).set(stateKey, { type: 'string', value });
  await writeSealed(file, { kind: fileKind, metadata, tensors }, { sync: false });
}

function directionsOf({ basis, complement, width, size }: SiteDirections) {
  const kept = { name: 'basis', shape: [size, width], values: basis };
  // A tensor has at least one row.
  return width < size ? [kept, { name: 'complement', shape: [size, size - width], values: complement }] : [kept];
}

/** The state of a slicing with this fingerprint, null where there is none. @throws FILE_MALFORMED when it is damaged */
export async function readState(file: string, fingerprint: string): Promise<SavedState | null> {
  if (!(await stat(file).catch(() => null))) return null;
  const { metadata, tensors } = await readSealed(file, fileKind);
  const parsed = found.safeParse(JSON.parse(metadata.string(stateKey)));
  if (!parsed.success) throw malformed(file, stateKey, { expected: 'what Snug saved', actual: parsed.error.message });
  const { input, sites, ...rest } = parsed.data;
  if (rest.fingerprint !== fingerprint) return null;
  const reports = sites.map((site, index) => ({ ...site, eigenvalues: tensors.get(eigenvalues(index))! }));
  if (!input) return { ...rest, input, sites: reports };
  const { width, size } = input;
  const basis = tensors.get('basis')!;
  const complement = width < size ? tensors.get('complement') : new Float64Array();
  if (!complement) throw malformed(file, 'complement', { expected: 'a tensor', actual: 'none' });
  return { ...rest, input: { basis, complement, width, size }, sites: reports };
}
