// Makes every norm of a decoder a weight-free RMS norm without changing what it computes (SliceGPT §3.2).
// A norm's weight a and bias β go into the linears behind it: W·diag(a), b + W·β. Of LayerNorm models the mean of a row is
// taken out of every embedding, and of everything that linears write to the residual: the residual then has mean zero,
// so that LayerNorm(x) = RMSNorm(x), with the same eps. Arithmetic is float64 whatever the arrays are: one rounding.
import type { Architecture, LayerRole, LinearRole, NormRole } from '../architectures/architecture.ts';

type Floats = Float32Array | Float64Array;
/** A layer's tensors by role: matrices [out, in], vectors [out]. */
export type LayerWeights<Values extends Floats> = Map<LayerRole, Values>;

/** What a norm of the residual had: weight [D], and of a LayerNorm a bias [D]. */
export interface NormWeights<Values extends Floats> {
  weight: Values;
  bias: Values | null;
}

const biasOf = <Role extends LinearRole | NormRole>(role: Role): `${Role}Bias` => `${role}Bias`;
const isNorm = (role: LayerRole): boolean => /^(attention|mlp)Norm(Bias)?$/.test(role);

/** Roles of a fused layer: no norms of the residual, and a bias on every linear behind a norm that has one. */
export function fusedRoles({ norms }: Architecture, roles: Iterable<LayerRole>): ReadonlySet<LayerRole> {
  const own = new Set(roles);
  const created = norms.filter(({ norm }) => own.has(biasOf(norm))).flatMap(({ linears }) => linears.map(biasOf));
  return new Set([...[...own].filter((role) => !isNorm(role)), ...created]);
}

/**
 * Fuses a layer in place: norms are taken out of `weights` and answered, biases that did not exist are put in. O(out·in).
 */
export function fuseLayer<Values extends Floats>(
  { norms, norm: { kind }, attentionOutput, mlpOutput }: Architecture,
  weights: LayerWeights<Values>,
): Map<NormRole, NormWeights<Values>> {
  const taken = new Map<NormRole, NormWeights<Values>>();
  for (const { norm, linears } of norms) {
    const [weight, bias] = [weights.get(norm)!, weights.get(biasOf(norm)) ?? null];
    for (const role of linears) {
      const fused = fuseLinear(weights.get(role)!, weights.get(biasOf(role)) ?? null, { weight, bias });
      if (fused) weights.set(biasOf(role), fused);
    }
    weights.delete(norm);
    weights.delete(biasOf(norm));
    taken.set(norm, { weight, bias });
  }
  if (kind === 'layernorm') {
    const rows = taken.get('attentionNorm')!.weight.length;
    for (const role of [attentionOutput, mlpOutput]) {
      centreColumns(weights.get(role)!, rows);
      const bias = weights.get(biasOf(role));
      if (bias) centreColumns(bias, rows);
    }
  }
  return taken;
}

/**
 * Fuses a linear behind a norm in place, the output layer too: `matrix` [out, in] W becomes W·diag(a). Answers b + W·β in
 * the memory of `bias` [out] where it has one; null where neither the linear nor the norm has a bias.
 */
export function fuseLinear<Values extends Floats>(
  matrix: Values,
  bias: Values | null,
  norm: NormWeights<Values>,
): Values | null {
  const columns = norm.weight.length;
  let fused = bias;
  if (norm.bias) {
    fused ??= new (matrix.constructor as new (length: number) => Values)(matrix.length / columns);
    for (let row = 0; row < fused.length; row += 1) {
      let sum = fused[row]!;
      for (let column = 0; column < columns; column += 1) sum += matrix[row * columns + column]! * norm.bias[column]!;
      fused[row] = sum;
    }
  }
  for (let start = 0; start < matrix.length; start += columns) {
    for (let column = 0; column < columns; column += 1) matrix[start + column]! *= norm.weight[column]!;
  }
  return fused;
}

/** Takes the mean out of every row of a table of embeddings [rows, columns], in place. */
export function centreRows(table: Floats, columns: number): void {
  for (let start = 0; start < table.length; start += columns) {
    let sum = 0;
    for (let column = 0; column < columns; column += 1) sum += table[start + column]!;
    const mean = sum / columns;
    for (let column = 0; column < columns; column += 1) table[start + column]! -= mean;
  }
}

/** Takes the mean out of every column of what writes to the residual, [rows, in] or a bias [rows], in place. */
export function centreColumns(matrix: Floats, rows: number): void {
  const columns = matrix.length / rows;
  const means = new Float64Array(columns);
  for (let start = 0; start < matrix.length; start += columns) {
    for (let column = 0; column < columns; column += 1) means[column]! += matrix[start + column]! / rows;
  }
  for (let start = 0; start < matrix.length; start += columns) {
    for (let column = 0; column < columns; column += 1) matrix[start + column]! -= means[column]!;
  }
}
