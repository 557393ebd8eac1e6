// Hidden states [rows, D] float32 of a model, kept in a file: what several comparisons hold against runs once.
import { open, rename, rm, stat } from 'node:fs/promises';
import { AppError } from '../../contract/errors.ts';
import { requireSpace } from '../formats/disk-space.ts';
import { partPath } from '../formats/part-files.ts';
import { residualRows, residualRuns } from './residual.ts';
import type { Residual, ResidualShape } from './residual.ts';

const sizeOf = (shape: ResidualShape): number =>
  residualRows(shape) * shape.hiddenSize * Float32Array.BYTES_PER_ELEMENT;

/** Whether `file` has states of this shape; a file of another size is an error of the caller. @throws INTERNAL */
export async function hasStates(file: string, shape: ResidualShape): Promise<boolean> {
  const found = await stat(file).catch(() => null);
  if (!found || found.size === sizeOf(shape)) return found !== null;
  const message = `${file} has ${found.size} bytes of hidden states, expected ${sizeOf(shape)}.`;
  throw new AppError('INTERNAL', message, { file, actual: found.size, expected: sizeOf(shape) });
}

/** Writes what a residual holds; the file has its name once it is whole. @throws DISK_FULL, NOT_WRITABLE */
export async function keepStates(file: string, residual: Residual): Promise<void> {
  const part = partPath(file);
  await requireSpace(file, sizeOf(residual));
  try {
    const handle = await open(part, 'w');
    try {
      for await (const { values } of residualRuns(residual)) await handle.writeFile(bytesOf(values));
    } finally {
      await handle.close();
    }
    await rename(part, file);
  } catch (error) {
    throw AppError.from(error);
  } finally {
    await rm(part, { force: true });
  }
}

/** Fills a residual from a file that hasStates found. @throws FILE_NOT_FOUND, INTERNAL where it ends early */
export async function loadStates(file: string, residual: Residual): Promise<void> {
  const handle = await open(file).catch((error: unknown) => {
    throw AppError.from(error);
  });
  try {
    const { windows, windowLength, hiddenSize } = residual;
    const values = new Float32Array(windowLength * hiddenSize);
    for (let window = 0; window < windows; window += 1) {
      const { bytesRead } = await handle.read(bytesOf(values), 0, values.byteLength, window * values.byteLength);
      if (bytesRead !== values.byteLength)
        throw new AppError('INTERNAL', `${file} ends in window ${window}.`, { file, window, bytesRead });
      await residual.write(window * windowLength, values);
    }
    await residual.advance();
  } finally {
    await handle.close();
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
