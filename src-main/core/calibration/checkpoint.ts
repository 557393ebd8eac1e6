// What a calibration has so far, written after every layer: a GGUF of general.type `snug.calibration`. It replaces the
// one before by a rename, so that a process that is killed at any moment leaves a whole one.
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { malformed } from '../../contract/errors.ts';
import { GgufMetadata } from '../formats/gguf-values.ts';
import type { ResidualState } from '../graph/kept-residual.ts';
import type { SharedStatistics } from './collect-statistics.ts';
import { readSealed, writeSealed } from './sealed-gguf.ts';

const fileKind = 'snug.calibration';
const fileName = 'checkpoint.gguf';
const prefix = 'snug.calibration.';
const squaresPrefix = 'squares.';
const spectrumPrefix = 'spectrum.';

export interface Checkpoint {
  /** Of the calibration (fingerprint.ts). */
  fingerprint: string;
  /** Layers that are part of `statistics`, from the first on. */
  layersDone: number;
  /** As they left it. */
  residual: ResidualState;
  statistics: SharedStatistics;
}

export const checkpointPath = (folder: string): string => path.join(folder, fileName);

/** @throws DISK_FULL */
export async function writeCheckpoint(folder: string, checkpoint: Checkpoint): Promise<void> {
  const { fingerprint, layersDone, residual, statistics } = checkpoint;
  const { gram, tokens, traces, spectra, squares } = statistics;
  const size = Math.sqrt(gram.length);
  const metadata = new GgufMetadata(fileName)
    .set(`${prefix}fingerprint`, { type: 'string', value: fingerprint })
    .set(`${prefix}layers`, { type: 'uint32', value: layersDone })
    .set(`${prefix}residual`, { type: 'uint32', value: residual.current })
    .set(`${prefix}residual_crc32`, { type: 'uint32', value: residual.crc32 })
    .set(`${prefix}tokens`, { type: 'uint64', value: BigInt(tokens) });
  const vector = (name: string, values: Float64Array) => ({ name, shape: [values.length], values });
  const tensors = [
    { name: 'gram', shape: [size, size], values: gram },
    vector('traces', Float64Array.from(traces)),
    ...spectra.map((values, site) => vector(`${spectrumPrefix}${site}`, values)),
    ...Array.from(squares, ([name, values]) => vector(squaresPrefix + name, values)),
  ];
  await writeSealed(checkpointPath(folder), { kind: fileKind, metadata, tensors }, { sync: false });
}

/**
 * The checkpoint of a calibration, null where there is none yet.
 * @throws FILE_MALFORMED when it is damaged or of another calibration
 */
export async function readCheckpoint(folder: string, fingerprint: string): Promise<Checkpoint | null> {
  const file = checkpointPath(folder);
  if (!(await stat(file).catch(() => null))) return null;
  const { metadata, tensors } = await readSealed(file, fileKind);
  const integer = (key: string): number => metadata.integer(prefix + key);
  const found = metadata.string(`${prefix}fingerprint`);
  if (found !== fingerprint) throw malformed(file, 'fingerprint', { expected: fingerprint, actual: found });
  const named = (start: string): [string, Float64Array][] =>
    [...tensors].flatMap(([name, values]) => (name.startsWith(start) ? [[name.slice(start.length), values]] : []));
  const traces = Array.from(tensors.get('traces')!);
  return {
    fingerprint,
    layersDone: integer('layers'),
    residual: { current: integer('residual') === 0 ? 0 : 1, crc32: integer('residual_crc32') },
    statistics: {
      gram: tensors.get('gram')!,
      tokens: integer('tokens'),
      sites: traces.length,
      traces,
      spectra: named(spectrumPrefix).map(([, values]) => values),
      squares: new Map(named(squaresPrefix)),
    },
  };
}
