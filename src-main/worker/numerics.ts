// What computes: whatever may change a bit of a result besides its inputs.
import type { LinearAlgebra } from '../core/linear-algebra/linear-algebra.ts';
import { openGgml } from './native/native-quantizer.ts';
import { onnxVersion, type OnnxOptions } from './onnx/onnx-runtime.ts';

export type ComputedBy = Required<Pick<OnnxOptions, 'provider' | 'threads'>>;

export const numericsOf = (
  { provider, threads }: ComputedBy,
  linearAlgebra: LinearAlgebra | null,
): { provider: string; threads: number; onnxruntime: string; ggml: string; linearAlgebra: string } => ({
  ...{ provider, threads, onnxruntime: onnxVersion, ggml: openGgml().version },
  linearAlgebra: linearAlgebra ? linearAlgebra.library.name : 'none',
});
