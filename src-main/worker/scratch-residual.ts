// The residual of a task in two files of a scratch folder, which go with it.
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { requireSpace } from '../core/formats/disk-space.ts';
import { fileResidual, residualFileBytes } from '../core/graph/residual.ts';
import type { Residual, ResidualShape } from '../core/graph/residual.ts';

/** `scratch` need not be there and stays. @throws DISK_FULL, and what `work` throws */
export async function withScratchResidual<T>(
  scratch: string,
  shape: ResidualShape,
  work: (residual: Residual) => Promise<T>,
): Promise<T> {
  const paths = [join(scratch, 'sliced-0.residual'), join(scratch, 'sliced-1.residual')] as const;
  await mkdir(scratch, { recursive: true });
  await requireSpace(paths[0], residualFileBytes(shape));
  const residual = await fileResidual(shape, { paths, current: 0 });
  try {
    return await work(residual);
  } finally {
    await residual.close();
    for (const path of paths) await rm(path, { force: true });
  }
}
