// What linear algebra checks before and after it computes, and the errors that say so.
import { AppError } from '../../contract/errors.ts';
import type { Floats } from './linear-algebra.ts';

/** Largest |QᵀQ - I| of a rotation that is taken. LAPACK leaves 1e-14 to 1e-13; above this, logits would change. */
export const orthogonalityTolerance = 1e-10;

/** Largest ‖A V - V Λ‖ / ‖A‖. LAPACK leaves about 1e-15 times a small multiple of sqrt(n). */
export const residualTolerance = 1e-10;

/** Both limits of an eigenproblem in float32, whose eps is 6e-8. LAPACK leaves 1e-6 to 1e-5; at 1e-3 it is no rotation. */
export const float32Tolerance = 1e-3;

/** Sizes that a LAPACK with 32-bit integers can count: dsyevd's work space has 1 + 6n + 2n² elements. */
const largestSize = 32_766;

/** A fault of the caller, not of numbers. @throws INTERNAL */
export function refuse(what: string, reason: string, details: Record<string, unknown>): never {
  throw new AppError('INTERNAL', `Linear algebra of ${what}: ${reason}.`, { what, ...details });
}

/** Sizes of matrices and chunks. @throws INTERNAL */
export function requireSizes(what: string, sizes: Record<string, number>): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (Number.isInteger(size) && size >= 1 && size < 2 ** 31) continue;
    refuse(what, `${name} is ${size}, expected a whole number from 1 to 2^31 - 1`, { [name]: size });
  }
}

/** @throws INTERNAL */
export function requireEigenSize(what: string, size: number): void {
  requireSizes(what, { size });
  if (size > largestSize) refuse(what, `size is ${size}, at most ${largestSize} can be solved`, { size, largestSize });
}

/** An array of `Type` with exactly `length` elements. @throws INTERNAL */
export function requireArray(
  what: string,
  [name, array]: [name: string, array: unknown],
  Type: Float32ArrayConstructor | Float64ArrayConstructor,
  length: number,
): void {
  if (!(array instanceof Type)) refuse(what, `${name} is no ${Type.name}`, { name });
  if (array.length === length) return;
  refuse(what, `${name} has ${array.length} elements, expected ${length}`, {
    name,
    length: array.length,
    expected: length,
  });
}

/** @throws NUMERICAL_FAILURE with the first element that is NaN or infinite */
export function requireFinite(what: string, name: string, values: Floats, columns: number): void {
  // Zero times a finite number is zero: sums without branches find whether there is anything to find. Two of them, as an
  // addition waits for the one before it.
  let [even, odd] = [0, 0];
  const pairs = values.length - (values.length % 2);
  for (let i = 0; i < pairs; i += 2) {
    even += values[i]! * 0;
    odd += values[i + 1]! * 0;
  }
  if (pairs < values.length) even += values[pairs]! * 0;
  if (even + odd === 0) return;
  const element = values.findIndex((value) => !Number.isFinite(value));
  throw nonFinite(what, { name, element, value: values[element]!, columns });
}

/** The same for the upper triangle of a symmetric matrix; what lies below is not read. @throws NUMERICAL_FAILURE */
export function requireFiniteUpper(what: string, matrix: Float64Array, size: number): void {
  for (let i = 0; i < size; i += 1) {
    for (let element = i * size + i; element < (i + 1) * size; element += 1) {
      const value = matrix[element]!;
      if (!Number.isFinite(value)) throw nonFinite(what, { name: 'matrix', element, value, columns: size });
    }
  }
}

interface BadElement {
  name: string;
  element: number;
  value: number;
  columns: number;
}

export function nonFinite(what: string, { name, element, value, columns }: BadElement): AppError {
  const position = [Math.floor(element / columns), element % columns];
  return new AppError(
    'NUMERICAL_FAILURE',
    `${what}: ${name} holds ${value} at [${position.join(', ')}], expected finite numbers.`,
    { what, array: name, position, measured: String(value), expected: 'finite' },
  );
}

/** @throws NUMERICAL_FAILURE when `measured` is not below `tolerance`, NaN included */
export function requireBelow(what: string, quantity: string, measured: number, tolerance: number): void {
  if (measured < tolerance) return;
  throw new AppError(
    'NUMERICAL_FAILURE',
    `${what}: ${quantity} is ${measured.toPrecision(3)}, expected less than ${tolerance}.`,
    { what, quantity, measured: String(measured), tolerance },
  );
}

export function notConverged(what: string, index: number): AppError {
  const message = `${what}: the eigensolver stopped before the eigenvalues converged: it answers ${index} (LAPACK's info), expected convergence.`;
  return new AppError('NUMERICAL_FAILURE', message, { what, index, measured: String(index), expected: 'convergence' });
}

/** What asks for less than float64 where only float64 is to be had. */
export function onlyFloat64(what: string, library: string): AppError {
  const message = `${what}: ${library} computes in float64 only, and float32 is asked for. Choose precision fp64, or build the native addon: npm run demo.`;
  return new AppError('NATIVE_UNAVAILABLE', message, { what, library, wanted: 'float32', has: 'float64' });
}

export function notPositiveDefinite(what: string, index: number, pivot: number): AppError {
  return new AppError(
    'NUMERICAL_FAILURE',
    `${what}: the matrix is not positive definite: pivot ${index} is ${pivot.toPrecision(3)}, expected more than 0. Raise the damping, or use more calibration text.`,
    { what, index, measured: String(pivot), tolerance: 0 },
  );
}
