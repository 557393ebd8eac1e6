// Errors of spoiled values, with the place in the tensor that a person can look up.
import { AppError } from '../../contract/errors.ts';
import { elementPlace, type TensorEntry } from '../formats/tensor.ts';
import type { Fault } from './quantizer.ts';

export interface FaultPlace {
  file: string;
  tensor: TensorEntry;
  /** Elements of `tensor` before the buffer that the fault counts from. */
  firstElement: number;
  targetType: string;
}

/** The NON_FINITE error of a fault: file, tensor, element and value. */
export function nonFiniteError(fault: Fault, { file, tensor, firstElement, targetType }: FaultPlace): AppError {
  const { element, position } = elementPlace(tensor, firstElement + fault.element);
  const where = `${tensor.name} (${tensor.type}), element ${element} at [${position.join(', ')}]`;
  const value = String(fault.value);
  const details = { file, tensor: tensor.name, type: tensor.type, targetType, element, position, value };
  if (fault.place === 'source') {
    const what = Number.isFinite(fault.value) ? `a block whose scale is not a number` : value;
    return new AppError(
      'NON_FINITE',
      `${file} holds ${what} in ${where}. The file is damaged or was converted wrongly: get it again.`,
      details,
    );
  }
  return new AppError(
    'NON_FINITE',
    `${where} of ${file}: ${value} has no finite form in ${targetType}. Choose a type with a larger range for this tensor, for example BF16 or Q8_0.`,
    details,
  );
}
