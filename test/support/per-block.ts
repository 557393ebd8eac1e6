// Shared by tests of per-block slicing: a model sliced into a folder and opened again, both on one thread.
import { afterEach } from 'vitest';
import type { Decoder } from '../../src-main/core/architectures/decoder.ts';
import { residualShape } from '../../src-main/core/graph/embed-windows.ts';
import { memoryResidual } from '../../src-main/core/graph/residual.ts';
import { pcaBasis } from '../../src-main/core/slicing/per-block/site-basis.ts';
import type { SiteBasis } from '../../src-main/core/slicing/per-block/site-basis.ts';
import { constantWidths, siteLayout, slicingConfigOf } from '../../src-main/core/slicing/per-block/site-widths.ts';
import type { SlicedDecoder } from '../../src-main/core/slicing/per-block/sliced-decoder.ts';
import { openSlicedFolder, writeSlicedFolder } from '../../src-main/core/slicing/per-block/sliced-folder.ts';
import type { SlicedFolderRequest, SlicedFolderResult } from '../../src-main/core/slicing/per-block/sliced-folder.ts';
import type { SlicingConfig } from '../../src-main/contract/results.ts';
import { ports } from './slicing.ts';

const opened: SlicedDecoder[] = [];
afterEach(async () => {
  for (const { model } of opened.splice(0)) await model.close();
});

/** One width everywhere. */
export const constantConfig = (decoder: Decoder, width: number, sliceHead = false): SlicingConfig => {
  const layout = siteLayout(decoder);
  return slicingConfigOf(layout, constantWidths(layout, width, sliceHead), sliceHead);
};

/** PCA without a turn, as the references have it. */
export const plainPca = pcaBasis({ ...ports, orientation: 'pca', seed: 0 });

/** A basis [width, size] that is not found by PCA. */
export const given = (basis: Float64Array, size: number): SiteBasis => ({
  ...{ basis, complement: complementOf(basis, size), eigenvalues: new Float64Array() },
  ...{ damping: 0, energyLost: 0, orthogonality: 0 },
});

/** Orthonormal rows that complete those of `basis`: unit vectors without what lies along the rows so far (Gram-Schmidt, twice). */
function complementOf(basis: Float64Array, size: number): Float64Array {
  const rows = Array.from({ length: basis.length / size }, (_, row) => basis.subarray(row * size, (row + 1) * size));
  const first = rows.length;
  for (let axis = 0; rows.length < size; axis += 1) {
    const vector = new Float64Array(size);
    vector[axis] = 1;
    for (const row of [...rows, ...rows]) {
      const along = row.reduce((sum, value, index) => sum + value * vector[index]!, 0);
      for (let index = 0; index < size; index += 1) vector[index]! -= along * row[index]!;
    }
    const norm = Math.hypot(...vector);
    if (norm > 0.05) rows.push(vector.map((value) => value / norm));
  }
  return Float64Array.from(rows.slice(first).flatMap((row) => Array.from(row)));
}

/** Only inside a test. */
export const reopened = async (folder: string): Promise<SlicedDecoder> => {
  const decoder = await openSlicedFolder(folder);
  opened.push(decoder);
  return decoder;
};

/** Only inside a test. Slices into `folder`, F32, and opens it. */
export async function slicedInto(
  folder: string,
  {
    decoder,
    windows,
    widths,
    ...more
  }: Pick<SlicedFolderRequest, 'decoder' | 'windows' | 'widths'> & Partial<SlicedFolderRequest>,
): Promise<{ result: SlicedFolderResult; sliced: SlicedDecoder }> {
  const result = await writeSlicedFolder({
    ...ports,
    ...{ decoder, windows, widths, folder, type: 'F32', tokenizerFrom: null, findBasis: plainPca },
    basis: { orientation: 'pca', seed: 0 },
    residual: memoryResidual(residualShape(decoder, windows)),
    ...more,
  });
  return { result, sliced: await reopened(folder) };
}
