// A calibration in a folder of its own: the residual in two files, a checkpoint after every layer, the finished
// statistics at the end. Killed at any moment, it goes on at the last finished layer and gives the same bytes.
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { requireSpace } from '../formats/disk-space.ts';
import { memorySource } from '../formats/byte-source.ts';
import { residualShape } from '../graph/embed-windows.ts';
import { newResidual, reopenedResidual, residualPaths } from '../graph/kept-residual.ts';
import type { ChecksummedResidual } from '../graph/kept-residual.ts';
import { residualRows } from '../graph/residual.ts';
import type { ResidualShape } from '../graph/residual.ts';
import { writeImportance } from '../quantization/write-importance.ts';
import { checkpointPath, readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import type { Checkpoint } from './checkpoint.ts';
import { collectSharedStatistics } from './collect-statistics.ts';
import type { CollectOptions, SharedStatistics } from './collect-statistics.ts';
import { writeGram } from './gram-file.ts';
import { fingerprintKey, importanceSumKey, statisticsFiles } from './saved-statistics.ts';

export interface CalibrateRequest extends Omit<CollectOptions, 'residual' | 'resume' | 'onLayer'> {
  /** Exists; holds nothing, or what an earlier call left. */
  folder: string;
  fingerprint: string;
  /** Names of texts, for the files' headers. */
  datasets: readonly string[];
  /** What the Gram's header says besides. */
  madeOf: Readonly<Record<string, string>>;
}

export interface Calibrated {
  tokens: number;
  sites: number;
  /** The first layer that was run, where an earlier call had finished those before it. */
  resumedAtLayer: number | null;
  /** Why what an earlier call left could not be used; null where nothing was lost. */
  startedOver: string | null;
}

/**
 * Fills `folder` with the statistics of a model on `windows`. Memory does not grow with their number.
 * @throws DISK_FULL before it starts and later; else as collectSharedStatistics. What is finished stays for the next call
 */
export async function calibrate(request: CalibrateRequest): Promise<Calibrated> {
  const calibrated = await run(request);
  await removeProgress(request.folder);
  return calibrated;
}

async function run(request: CalibrateRequest): Promise<Calibrated> {
  const { folder, decoder, windows, signal } = request;
  const shape = residualShape(decoder, windows);
  await removeParts(folder);
  await checkSpace(request, shape);
  const { residual, checkpoint, startedOver } = await openResidual(request, shape);
  try {
    const statistics = await collectSharedStatistics({
      ...request,
      residual,
      resume: checkpoint && { firstLayer: checkpoint.layersDone, statistics: checkpoint.statistics },
      onLayer: (layersDone, found) =>
        writeCheckpoint(folder, {
          fingerprint: request.fingerprint,
          layersDone,
          residual: residual.state,
          statistics: found,
        }),
    });
    signal.throwIfAborted();
    await writeStatistics(request, statistics);
    const { tokens, sites } = statistics;
    return { tokens, sites, resumedAtLayer: checkpoint?.layersDone ?? null, startedOver };
  } finally {
    await residual.close();
  }
}

/** Removes what a process was writing when it was killed. Whoever has its id now has nothing to do with it. */
async function removeParts(folder: string): Promise<void> {
  const parts = (await readdir(folder)).filter((name) => name.endsWith('.part'));
  for (const name of parts) await rm(path.join(folder, name));
}

/** Removes what only an unfinished calibration needs. */
async function removeProgress(folder: string): Promise<void> {
  for (const file of [...residualPaths(folder), checkpointPath(folder)]) await rm(file, { force: true });
}

/** Two residuals; a Gram three times: the checkpoint, the one that replaces it, the finished file. */
async function checkSpace({ folder, decoder }: CalibrateRequest, shape: ResidualShape): Promise<void> {
  const { hiddenSize, intermediateSize, numHiddenLayers } = decoder.config;
  const residualBytes = residualRows(shape) * hiddenSize * Float32Array.BYTES_PER_ELEMENT;
  const linears = 7 * numHiddenLayers * Math.max(hiddenSize, intermediateSize);
  const spectra = (decoder.architecture.norms.length * numHiddenLayers + 1) * hiddenSize;
  const statisticsBytes = 3 * (hiddenSize ** 2 + spectra + linears) * Float64Array.BYTES_PER_ELEMENT;
  const paths = [...residualPaths(folder), checkpointPath(folder)];
  const sizes = await Promise.all(
    paths.map((file) =>
      stat(file).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  const there = sizes.reduce((sum, size) => sum + size, 0);
  await requireSpace(path.join(folder, 'residual'), Math.max(0, 2 * residualBytes + statisticsBytes - there));
}

interface Opened {
  residual: ChecksummedResidual;
  checkpoint: Checkpoint | null;
  startedOver: string | null;
}

/** The residual as an earlier call left it, where its checkpoint and its content are whole; else a new one. */
async function openResidual(request: CalibrateRequest, shape: ResidualShape): Promise<Opened> {
  const { folder, fingerprint, signal } = request;
  const paths = residualPaths(folder);
  try {
    const checkpoint = await readCheckpoint(folder, fingerprint);
    if (checkpoint) {
      const residual = await reopenedResidual(shape, paths, checkpoint.residual, signal);
      return { residual, checkpoint, startedOver: null };
    }
  } catch (error) {
    if (signal.aborted) throw error;
    await removeProgress(folder);
    const startedOver = AppError.from(error).message;
    return { residual: await newResidual(shape, paths), checkpoint: null, startedOver };
  }
  return { residual: await newResidual(shape, paths), checkpoint: null, startedOver: null };
}

async function writeStatistics(request: CalibrateRequest, statistics: SharedStatistics): Promise<void> {
  const { folder, windows, datasets, fingerprint, madeOf, decoder, signal } = request;
  const { gram, importance } = statisticsFiles(folder);
  await rm(importance, { force: true }); // of a call that was killed between the two files
  const { sha256 } = await writeImportance({
    ...rawImportance(statistics),
    output: importance,
    datasets,
    chunks: windows.length,
    chunkSize: windows[0]!.length,
    signal,
  });
  const { tokens, sites, traces, spectra } = statistics;
  await writeGram(gram, {
    gram: statistics.gram,
    size: decoder.config.hiddenSize,
    tokens,
    sites,
    traces: Float64Array.from(traces),
    spectra: spectra.length > 0 ? joined(spectra) : null,
    madeOf: { ...madeOf, [fingerprintKey]: fingerprint, [importanceSumKey]: sha256 },
  });
}

function joined(rows: readonly Float64Array[]): Float64Array {
  const size = rows[0]!.length;
  const all = new Float64Array(rows.length * size);
  for (const [index, row] of rows.entries()) all.set(row, index * size);
  return all;
}

/** Sums and counts as the llama host lays them out. */
function rawImportance({
  squares,
  tokens,
}: SharedStatistics): Pick<Parameters<typeof writeImportance>[0], 'raw' | 'entries'> {
  let offset = 0;
  const entries = Array.from(squares, ([name, { length: columns }]) => {
    const entry = { name, columns, slices: 1, offset };
    offset += columns + 1;
    return entry;
  });
  const values = new Float32Array(offset);
  for (const { name, columns, offset: place } of entries) {
    values.set(squares.get(name)!, place);
    values[place + columns] = tokens;
  }
  return { raw: memorySource('block statistics', new Uint8Array(values.buffer)), entries };
}
