// A residual on disk that outlives its process: it knows the checksum of what its last finished layer wrote, so that who
// goes on with it can tell whether it is whole.
import { crc32 } from 'node:zlib';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { bytesOf } from '../formats/typed-views.ts';
import { fileResidual, residualRows, residualRuns } from './residual.ts';
import type { FileResidual, Residual, ResidualFiles, ResidualShape } from './residual.ts';

/** Which of the two files the last finished layer left, and its checksum. */
export interface ResidualState {
  current: 0 | 1;
  crc32: number;
}

/** Where the two files lie in a folder. */
export const residualPaths = (folder: string): readonly [string, string] => [
  path.join(folder, 'residual.0'),
  path.join(folder, 'residual.1'),
];

export class ChecksummedResidual implements Residual {
  readonly windows: number;
  readonly windowLength: number;
  readonly hiddenSize: number;
  readonly #files: FileResidual;
  #written = 0;
  #crc32 = 0;

  constructor(files: FileResidual) {
    this.#files = files;
    this.windows = files.windows;
    this.windowLength = files.windowLength;
    this.hiddenSize = files.hiddenSize;
  }

  /** What a checkpoint says of it. */
  get state(): ResidualState {
    return { current: this.#files.current, crc32: this.#crc32 };
  }

  read(first: number, rows: number): Promise<Float32Array> {
    return this.#files.read(first, rows);
  }

  /** Rows have to come in order. */
  async write(first: number, values: Float32Array): Promise<void> {
    if (first !== this.#written)
      throw new AppError('INTERNAL', `Row ${first} of the residual came when row ${this.#written} was due.`);
    this.#crc32 = crc32(bytesOf(values), this.#written === 0 ? 0 : this.#crc32);
    this.#written += values.length / this.hiddenSize;
    await this.#files.write(first, values);
  }

  async advance(): Promise<void> {
    if (this.#written !== residualRows(this))
      throw new AppError('INTERNAL', `${this.#written} rows of the residual were written, not ${residualRows(this)}.`);
    this.#written = 0;
    await this.#files.advance();
  }

  close(): Promise<void> {
    return this.#files.close();
  }
}

/** A residual in two new files, or in two of which nothing counts. @throws DISK_FULL */
export const newResidual = async (shape: ResidualShape, paths: ResidualFiles['paths']): Promise<ChecksummedResidual> =>
  new ChecksummedResidual(await fileResidual(shape, { paths, current: 0 }));

/** A residual as a checkpoint saw it; reads all of it. @throws FILE_MALFORMED, INTERNAL where it is not whole; the signal's reason */
export async function reopenedResidual(
  shape: ResidualShape,
  paths: ResidualFiles['paths'],
  { current, crc32: expected }: ResidualState,
  signal: AbortSignal,
): Promise<ChecksummedResidual> {
  const files = await fileResidual(shape, { paths, current });
  try {
    let sum = 0;
    for await (const { values } of residualRuns(files)) {
      signal.throwIfAborted();
      sum = crc32(bytesOf(values), sum);
    }
    if (sum === expected) return new ChecksummedResidual(files);
    throw new AppError('FILE_MALFORMED', `${paths[current]} is not what the checkpoint saw.`, { file: paths[current] });
  } catch (error) {
    await files.close();
    throw error;
  }
}
