// Importance of a sliced model's weights: mean squares of the columns that its linears read, in the turned basis.
// Behind a norm a linear reads Qᵀ·RMSN(x) (the norm's 1 / s takes back the s of the residual), so its column j has the
// mean square (Qᵀ·C·Q)_jj / rows, with C the Gram that the rotation is made of: one average over all 2L + 1 norms. At
// widths below the hidden size the runner's norm divides by what is left of x; a common factor, which no kernel of ggml
// heeds. Columns of o and down do not turn: theirs are the dense model's.
import type { Decoder } from '../architectures/decoder.ts';
import type { TensorShape } from '../formats/tensor.ts';
import { decoderGlobals } from '../architectures/layer-tensors.ts';
import type { LinearAlgebra } from '../linear-algebra/linear-algebra.ts';
import type { ImportanceFile } from '../quantization/importance-file.ts';
import type { SummedGram } from '../calibration/gram-file.ts';
import type { SharedRotation } from './shared-rotation.ts';
import type { SlicedModel } from './sliced-model.ts';
import type { SlicedTensor } from './sliced-tensors.ts';

export interface RotatedImportanceOptions {
  /** Of the dense model. */
  file: ImportanceFile;
  gram: SummedGram;
  decoder: Decoder;
  sliced: Pick<SlicedModel, 'tensors' | 'tiedEmbeddings'>;
  rotation: Pick<SharedRotation, 'size' | 'width' | 'basis'>;
  linearAlgebra: LinearAlgebra;
  signal: AbortSignal;
}

/** The importance of the sliced model's tensors, as a file would hold it. O(d D²). @throws NUMERICAL_FAILURE */
export async function rotatedImportance(options: RotatedImportanceOptions): Promise<ImportanceFile> {
  const { file, decoder, sliced } = options;
  const means = await rotatedMeanSquares(options);
  const isTurned = ({ name, transform }: SlicedTensor): boolean =>
    transform.kind === 'columns' &&
    (transform.norm !== null || (sliced.tiedEmbeddings && name === decoderGlobals.embeddings.gguf));
  const turned = new Set(sliced.tensors.filter(isTurned).map(({ name }) => name));
  const kept = new Set(
    sliced.tensors.filter(({ name, transform }) => transform.kind === 'rows' && file.has(name)).map(({ name }) => name),
  );
  return {
    ...file,
    names: [...turned, ...kept],
    has: (name) => turned.has(name) || kept.has(name),
    // The file is the dense model's; what is made of it fits by construction.
    checkBelongsTo: () => file.checkBelongsTo(namedInGguf(decoder), decoder.model.path),
    read: async (name) => (turned.has(name) ? { means: means.slice(), unseenSlices: 0 } : file.read(name)),
  };
}

/** The dense model's tensors under the names that an importance file has: those of its own GGUF. */
function namedInGguf({ architecture, embeddings, lmHead, layers }: Decoder): TensorShape[] {
  const { globals } = architecture;
  return [
    { ...embeddings, name: globals.embeddings!.gguf! },
    { ...lmHead, name: globals.lmHead!.gguf! },
    ...layers.flatMap((entries, layer) =>
      Array.from(entries, ([role, entry]) => ({ ...entry, name: `blk.${layer}.${architecture.layer[role]!.gguf}` })),
    ),
  ];
}

/** [d] float32: (basis·C·basisᵀ)_jj / (tokens · sites), the mean squares of the columns behind a norm. */
export async function rotatedMeanSquares({
  gram: { gram, tokens, sites },
  rotation: { basis, size, width },
  linearAlgebra,
  signal,
}: Pick<RotatedImportanceOptions, 'gram' | 'rotation' | 'linearAlgebra' | 'signal'>): Promise<Float32Array> {
  const what = 'the importance in the rotated basis';
  const product = { rows: width, inner: size, columns: size, a: basis, b: gram };
  const turned = await linearAlgebra.gemm({ what, ...product }, signal);
  return Float32Array.from({ length: width }, (_, row) => {
    let sum = 0;
    for (let index = row * size; index < (row + 1) * size; index += 1) sum += turned[index]! * basis[index]!;
    // C has no negative eigenvalues; rounding may give a zero one a sign.
    return Math.max(0, sum) / (tokens * sites);
  });
}
