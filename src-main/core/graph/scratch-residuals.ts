// Residuals of a measurement: in memory while they are small, else in files of a scratch folder that go with them.
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { requireSpace } from '../formats/disk-space.ts';
import { fileResidual, memoryResidual, residualFileBytes, residualRows } from './residual.ts';
import type { Residual, ResidualShape } from './residual.ts';

/** A residual up to this size stays in memory. */
const mostResidualBytes = 2 ** 28;

export class ScratchResiduals {
  readonly #folder: string;
  readonly #onDisk: Residual[] = [];

  /** `folder` need not be there and stays. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** A new residual; `name` is the beginning of its files' names, and several may have one. @throws DISK_FULL */
  async open(shape: ResidualShape, name: string): Promise<Residual> {
    const bytes = residualRows(shape) * shape.hiddenSize * Float32Array.BYTES_PER_ELEMENT;
    if (bytes <= mostResidualBytes) return memoryResidual(shape);
    await mkdir(this.#folder, { recursive: true });
    const file = (half: 0 | 1): string => path.join(this.#folder, `${name}-${this.#onDisk.length}-${half}.residual`);
    const paths = [file(0), file(1)] as const;
    await requireSpace(paths[0], residualFileBytes(shape));
    const residual = await fileResidual(shape, { paths, current: 0 });
    const close = residual.close.bind(residual);
    const onDisk = Object.assign(residual, {
      close: async () => {
        await close();
        for (const name of paths) await rm(name, { force: true });
      },
    });
    this.#onDisk.push(onDisk);
    return onDisk;
  }

  /** Closes all of them, also those that are closed. */
  async close(): Promise<void> {
    for (const residual of this.#onDisk) await residual.close();
  }
}
