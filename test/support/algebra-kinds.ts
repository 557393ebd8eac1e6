// Linear algebra of every kind that Snug has, and what a call of it is about.
import { jsLinearAlgebra } from '../../src-main/core/linear-algebra/js-linear-algebra.ts';
import type { LinearAlgebra } from '../../src-main/core/linear-algebra/linear-algebra.ts';
import { fallbackLinearAlgebra, openLinearAlgebra } from '../../src-main/worker/native/native-linear-algebra.ts';

export const what = 'layer 3, attention norm';
export const native = openLinearAlgebra(2);
export const fallback = fallbackLinearAlgebra(2);

/** Without a LAPACK on the machine the addon's own code runs alone. */
export const kinds: [name: string, LinearAlgebra][] = [
  ...(native.library.kind === 'lapack' ? [['lapack', native] as [string, LinearAlgebra]] : []),
  ['fallback', fallback],
  ['ml-matrix', jsLinearAlgebra()],
];
