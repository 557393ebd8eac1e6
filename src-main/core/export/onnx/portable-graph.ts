// A graph of plain ai.onnx operators only, for any runtime, with sizes that are known at the run alone. Weights are
// initializers; halves among them are widened where they are used, so that all arithmetic is float32.
// Source: onnx/docs/Operators.md, as of opset 21.
import { GraphBuilder } from '../../graph/graph-builder.ts';
import type { Value } from '../../graph/graph-builder.ts';
import { elementTypes, encodePortableModel } from '../../graph/onnx-model.ts';
import type { OnnxWeight } from '../../graph/onnx-model.ts';
import type { ProtobufGap } from '../../graph/protobuf-writer.ts';

export class PortableGraph extends GraphBuilder {
  readonly #weights: ReadonlyMap<string, OnnxWeight>;
  /** Weights in float32, by name. */
  readonly #widened = new Map<string, Value>();

  constructor(name: string, weights: readonly OnnxWeight[]) {
    super(name);
    this.#weights = new Map(weights.map((weight) => [weight.name, weight]));
  }

  #weight(name: string): OnnxWeight {
    const weight = this.#weights.get(name);
    if (!weight) throw new Error(`${this.name} has no weight ${name}`);
    return weight;
  }

  #cast(value: Value, type: keyof typeof elementTypes): Value {
    return this.one('Cast', [value], { to: { int: elementTypes[type] } });
  }

  /** A node that a session can tell by its name: these two are exact on the processor alone. */
  #named(name: string, operator: string, input: Value): Value {
    return Object.assign(this.one(operator, [input]), { name });
  }

  /** A weight in float32. */
  weight(name: string): Value {
    const found = this.#widened.get(name);
    if (found) return found;
    const { type } = this.#weight(name);
    const value = type === 'float32' ? { name } : this.#cast({ name }, 'float32');
    this.#widened.set(name, value);
    return value;
  }

  /** Rows of a weight [V, D] in float32 by `indices` int64 of any shape. */
  rowsOf(name: string, indices: Value): Value {
    const rows = this.one('Gather', [{ name }, indices], { axis: { int: 0 } });
    return this.#weight(name).type === 'float32' ? rows : this.#cast(rows, 'float32');
  }

  /** From its parts: RMSNormalization is younger than the opset. */
  override rmsNorm(value: Value, scale: Value, eps: number): Value {
    const axes = this.integers([-1]);
    const meanSquare = this.one('ReduceMean', [this.multiply(value, value), axes], { keepdims: { int: 1 } });
    const size = this.one('Sqrt', [this.add(meanSquare, this.floats(Float32Array.of(eps), []))]);
    return this.multiply(this.one('Div', [value, size]), scale);
  }

  /** (x - mean) / sqrt(variance + eps) · scale + bias over the last dimension. */
  layerNorm(value: Value, scale: Value, bias: Value, eps: number): Value {
    return this.one('LayerNormalization', [value, scale, bias], { axis: { int: -1 }, epsilon: { float: eps } });
  }

  /** int64 [1]: the size of a dimension. */
  sizeOf(value: Value, axis: number): Value {
    return this.one('Shape', [value], { start: { int: axis }, end: { int: axis + 1 } });
  }

  /** `sizes` int64 [rank]. */
  reshapeTo(value: Value, sizes: Value): Value {
    return this.one('Reshape', [value, sizes]);
  }

  /** Whole numbers from `start` to `end` - 1, each int64 [1]. */
  range(start: Value, end: Value): Value {
    const scalars = [start, end, this.integers([1])].map((value) => this.reshape(value, []));
    return this.one('Range', scalars);
  }

  /** Cosines and sines of float32 angles: position · frequency. */
  angles(positions: Value, frequencies: Value): { cos: Value; sin: Value } {
    const angles = this.multiply(this.#cast(positions, 'float32'), frequencies);
    return { cos: this.#named('rope.cos', 'Cos', angles), sin: this.#named('rope.sin', 'Sin', angles) };
  }

  /** 0 where `query` ≥ `key` and `seen` is not 0, `otherwise` elsewhere; all int64, broadcast. */
  causalMask(query: Value, key: Value, seen: Value, otherwise: number): Value {
    const isBefore = this.one('LessOrEqual', [key, query]);
    const isSeen = this.one('And', [isBefore, this.#cast(seen, 'bool')]);
    const [zero, far] = [0, otherwise].map((number) => this.floats(Float32Array.of(number), []));
    return this.one('Where', [isSeen, zero!, far!]);
  }

  /** Rotates heads in halves along the last dimension; `cos` and `sin` broadcast to one half. */
  rotate(value: Value, half: number, { cos, sin }: { cos: Value; sin: Value }): Value {
    const [first, second] = this.split(value, -1, [half, half]) as [Value, Value];
    const turned = [
      this.subtract(this.multiply(first, cos), this.multiply(second, sin)),
      this.add(this.multiply(second, cos), this.multiply(first, sin)),
    ];
    return this.concat(turned, -1);
  }

  /** The model file in pieces, with gaps for the weights that are in it. The builder is used up. */
  pieces(metadata: Readonly<Record<string, string>>): (Uint8Array<ArrayBuffer> | ProtobufGap)[] {
    return encodePortableModel({ ...this.graph(), weights: [...this.#weights.values()], metadata });
  }
}
