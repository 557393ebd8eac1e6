// The residual stream of all windows, [windows · T, D] float32, which a layer replaces run by run: in memory, or in two
// files of which a layer reads one and writes the other, so that a process that is killed leaves the finished one whole.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { AppError } from '../../contract/errors.ts';

export interface ResidualShape {
  windows: number;
  windowLength: number;
  hiddenSize: number;
}

export interface Residual extends ResidualShape {
  /** [rows, D] from row `first` on, as the last finished layer left them. The next read may overwrite the answer. */
  read(first: number, rows: number): Promise<Float32Array>;
  /** Puts what a layer made of the rows from `first` on; `values` [rows, D] may be the answer of `read`. */
  write(first: number, values: Float32Array): Promise<void>;
  /** Ends a layer: what was written is what is read from now on. All rows have to be written. */
  advance(): Promise<void>;
  close(): Promise<void>;
}

/** All rows of a residual. */
export const residualRows = ({ windows, windowLength }: ResidualShape): number => windows * windowLength;

/** A residual in memory, updated in place. */
export function memoryResidual(shape: ResidualShape): Residual {
  const { hiddenSize } = shape;
  const data = new Float32Array(residualRows(shape) * hiddenSize);
  return {
    ...shape,
    read: async (first, rows) => data.subarray(first * hiddenSize, (first + rows) * hiddenSize),
    write: async (first, values) => {
      // A run that was given a view has filled it already.
      const isView =
        values.buffer === data.buffer && values.byteOffset === first * hiddenSize * values.BYTES_PER_ELEMENT;
      if (!isView) data.set(values, first * hiddenSize);
    },
    advance: async () => {},
    close: async () => {},
  };
}

/** Where a residual lies on disk, and which of the two files holds the last finished layer (0 in a new one). */
export interface ResidualFiles {
  paths: readonly [string, string];
  current: 0 | 1;
}

export interface FileResidual extends Residual {
  /** The file that is read from now. */
  readonly current: 0 | 1;
}

/** What both files of a residual take. */
export const residualFileBytes = (shape: ResidualShape): number =>
  2 * residualRows(shape) * shape.hiddenSize * Float32Array.BYTES_PER_ELEMENT;

/** A residual in two files; they are made where they are not there, and stay when it is closed. @throws DISK_FULL, FILE_NOT_FOUND */
export async function fileResidual(shape: ResidualShape, { paths, current }: ResidualFiles): Promise<FileResidual> {
  const files: FileHandle[] = [];
  try {
    for (const path of paths) files.push(await open(path, constants.O_RDWR | constants.O_CREAT));
  } catch (error) {
    await Promise.all(files.map((file) => file.close()));
    throw AppError.from(error);
  }
  return new TwoFiles(shape, files, current);
}

class TwoFiles implements FileResidual {
  readonly windows: number;
  readonly windowLength: number;
  readonly hiddenSize: number;
  readonly #files: readonly FileHandle[];
  #current: 0 | 1;
  #buffer = new Float32Array();

  constructor(shape: ResidualShape, files: readonly FileHandle[], current: 0 | 1) {
    this.windows = shape.windows;
    this.windowLength = shape.windowLength;
    this.hiddenSize = shape.hiddenSize;
    this.#files = files;
    this.#current = current;
  }

  get current(): 0 | 1 {
    return this.#current;
  }

  async read(first: number, rows: number): Promise<Float32Array> {
    const length = rows * this.hiddenSize;
    if (this.#buffer.length < length) this.#buffer = new Float32Array(length);
    const values = this.#buffer.subarray(0, length);
    const bytes = new Uint8Array(values.buffer, 0, values.byteLength);
    let done = 0;
    while (done < bytes.length) {
      const position = first * this.hiddenSize * values.BYTES_PER_ELEMENT + done;
      const { bytesRead } = await this.#files[this.#current]!.read(bytes, done, bytes.length - done, position);
      if (bytesRead === 0)
        throw new AppError('INTERNAL', `The residual on disk ends at byte ${position}.`, { position });
      done += bytesRead;
    }
    return values;
  }

  async write(first: number, values: Float32Array): Promise<void> {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const start = first * this.hiddenSize * values.BYTES_PER_ELEMENT;
    try {
      let done = 0;
      while (done < bytes.length) {
        const file = this.#files[1 - this.#current]!;
        done += (await file.write(bytes, done, bytes.length - done, start + done)).bytesWritten;
      }
    } catch (error) {
      throw AppError.from(error);
    }
  }

  async advance(): Promise<void> {
    this.#current = this.#current === 0 ? 1 : 0;
  }

  async close(): Promise<void> {
    await Promise.all(this.#files.map((file) => file.close()));
  }
}

/** Tokens per run of a block that keep its values in the cache: two windows of 512 (docs/graphs.md). */
const tokensPerRun = 1024;

/** Whole windows of the residual, a run's worth at a time: [rows, D] from row `first` on. */
export async function* residualRuns(
  residual: Residual,
): AsyncGenerator<{ first: number; rows: number; values: Float32Array }, void> {
  const { windows, windowLength } = residual;
  const step = Math.max(1, Math.round(tokensPerRun / windowLength));
  for (let window = 0; window < windows; window += step) {
    const [first, rows] = [window * windowLength, Math.min(step, windows - window) * windowLength];
    yield { first, rows, values: await residual.read(first, rows) };
  }
}
