// Shared by tests of slicing: the ports on native code, models that are closed after each test, calibrated rotations.
import path from 'node:path';
import type { BlockRunner, GraphRuntime } from '../../src-main/core/graph/block-runner.ts';
import type { Decoder } from '../../src-main/core/architectures/decoder.ts';
import { forward } from '../../src-main/core/graph/forward.ts';
import { collectSharedStatistics } from '../../src-main/core/calibration/collect-statistics.ts';
import type { SharedStatistics } from '../../src-main/core/calibration/collect-statistics.ts';
import { sharedRotation } from '../../src-main/core/slicing/shared-rotation.ts';
import type { RotationRequest, SharedRotation } from '../../src-main/core/slicing/shared-rotation.ts';
import { openLinearAlgebra } from '../../src-main/worker/native/native-linear-algebra.ts';
import { nativeQuantizer } from '../../src-main/worker/native/native-quantizer.ts';
import { goldenModels } from './golden-models.ts';
import { oneThread } from './graph-runs.ts';

export const ports = {
  ...oneThread,
  linearAlgebra: openLinearAlgebra(1),
  quantizer: nativeQuantizer(1),
  progress: (): void => {},
};

/** A slice in which every tensor is F32. */
/** The runtime of `ports`; `spoil` is given what every run gives and was to fill. */
export const spoiledRuns = (
  spoil: (found: Awaited<ReturnType<BlockRunner['run']>>, outputs: Parameters<BlockRunner['run']>[1]) => void,
): GraphRuntime => ({
  ...ports.runtime,
  open: async (model) => {
    const runner = await ports.runtime.open(model);
    return {
      ...runner,
      run: async (feeds, outputs) => {
        const found = await runner.run(feeds, outputs);
        spoil(found, outputs);
        return found;
      },
    };
  },
});

export const float32 = { type: 'F32', types: null, fileType: null, importance: null } as const;

/** Folder of a golden model. */
export const golden = (name: string): string => path.join(goldenModels ?? '', name);

/** A model's own statistics over `windows`, and the rotation they give. */
export async function calibrated(
  decoder: Decoder,
  windows: readonly Int32Array[],
  more: Pick<RotationRequest, 'width' | 'orientation' | 'seed'>,
): Promise<{ statistics: SharedStatistics; rotation: SharedRotation }> {
  const statistics = await collectSharedStatistics({ ...ports, decoder, windows });
  const size = decoder.config.hiddenSize;
  return { statistics, rotation: await sharedRotation({ ...ports, gram: statistics.gram, size, ...more }) };
}

/** The rotation that keeps the first `width` directions of one that keeps more. */
export const firstDirections = (rotation: SharedRotation, width: number): SharedRotation => ({
  ...rotation,
  width,
  basis: rotation.basis.subarray(0, width * rotation.size),
});

export const lastPositions = ({ length }: Int32Array): number[] =>
  Array.from({ length: 8 }, (_, index) => length - 8 + index);

/** [8, V] of our own graphs at the last positions of the first window. */
export async function graphRows(
  decoder: Decoder,
  windows: readonly Int32Array[],
  rowKind: 'logits' | 'logProbs',
): Promise<Float32Array> {
  const positions = lastPositions(windows[0]!).map((position) => ({ window: 0, position }));
  return (await forward({ ...ports, decoder, windows: windows.slice(0, 1), positions, rowKind, nll: false })).rows;
}
