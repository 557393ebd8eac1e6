// Builds an ONNX graph node by node: each method adds one operator and answers its value. Weights are inputs, masks
// and tables are constants. Operators: onnx/docs/Operators.md (opset 23) and onnxruntime/docs/ContribOperators.md.
import { encodeModel, microsoftDomain } from './onnx-model.ts';
import type {
  Dimension,
  ElementType,
  OnnxAttribute,
  OnnxConstant,
  OnnxGraph,
  OnnxNode,
  OnnxValue,
} from './onnx-model.ts';

/** A tensor in a graph. Only its builder changes it. */
export interface Value {
  name: string;
}

/** What an MLP does to its inner values; `geluTanh` is the approximation that transformers calls `gelu_new`. */
export type Activation = 'silu' | 'relu' | 'gelu' | 'geluTanh';

type PlannedNode = Omit<OnnxNode, 'inputs' | 'outputs'> & { inputs: readonly (Value | null)[]; outputs: Value[] };

/** Angles of rotary embeddings: cosines and sines [T, r / 2] float32 of r dimensions that rotate. */
export interface RopeTables {
  cos: Float32Array;
  sin: Float32Array;
}

export class GraphBuilder {
  protected readonly name: string;
  readonly #nodes: PlannedNode[] = [];
  readonly #constants: OnnxConstant[] = [];
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: { value: Value; shape: readonly Dimension[]; type: ElementType }[] = [];
  #count = 0;

  constructor(name: string) {
    this.name = name;
  }

  #fresh(): Value {
    this.#count += 1;
    return { name: `v${this.#count}` };
  }

  /** An input of the graph; its name is the key in the feeds. */
  input(name: string, shape: readonly Dimension[], type: ElementType = 'float32'): Value {
    this.#inputs.push({ name, type, shape });
    return { name };
  }

  /** Makes a node's value an output of the graph, under `name`. Whole numbers stay int64: no cast from them runs on WebGPU. */
  output(name: string, value: Value, shape: readonly Dimension[], type: ElementType = 'float32'): void {
    const isMade = this.#nodes.some((node) => node.outputs.includes(value));
    const isTaken = this.#outputs.some((output) => output.value === value);
    if (!isMade || isTaken) throw new Error(`${this.name}: ${value.name} cannot become the output ${name}`);
    value.name = name;
    this.#outputs.push({ value, shape, type });
  }

  floats(data: Float32Array, shape: readonly number[]): Value {
    return this.#constant(data, shape);
  }

  integers(values: readonly number[]): Value {
    return this.#constant(BigInt64Array.from(values, BigInt), [values.length]);
  }

  #constant(data: Float32Array | BigInt64Array, shape: readonly number[]): Value {
    const value = this.#fresh();
    this.#constants.push({ name: value.name, shape, data });
    return value;
  }

  /** Adds a node by its operator. */
  protected node(
    operator: string,
    inputs: readonly (Value | null)[],
    attributes: Record<string, OnnxAttribute> = {},
    { domain = '', outputs = 1 } = {},
  ): Value[] {
    const values = Array.from({ length: outputs }, () => this.#fresh());
    this.#nodes.push({ domain, operator, inputs, outputs: values, attributes });
    return values;
  }

  /** Adds a node with one output. */
  protected one(
    operator: string,
    inputs: readonly (Value | null)[],
    attributes: Record<string, OnnxAttribute> = {},
  ): Value {
    return this.node(operator, inputs, attributes)[0]!;
  }

  matmul(left: Value, right: Value): Value {
    return this.one('MatMul', [left, right]);
  }

  /** `rows` [N, in] times a weight as files have it, [out, in], plus a bias [out]. Answers [N, out]. */
  linear(rows: Value, weight: Value, bias: Value | null = null): Value {
    return this.one('Gemm', bias ? [rows, weight, bias] : [rows, weight], { transB: { int: 1 } });
  }

  /** `left` [N, a] and `right` [N, b]. Answers leftᵀ·right [a, b]. */
  gram(left: Value, right: Value): Value {
    return this.one('Gemm', [left, right], { transA: { int: 1 } });
  }

  /** `rows` [N, D] without what lies along orthonormal `directions` [C, D]: rows - rows·directionsᵀ·directions. */
  project(rows: Value, directions: Value): Value {
    return this.one('Gemm', [this.linear(rows, directions), directions, rows], { alpha: { float: -1 } });
  }

  add(left: Value, right: Value): Value {
    return this.one('Add', [left, right]);
  }

  /** Of at least one value, added in order. */
  sum(values: readonly Value[]): Value {
    return values.reduce((total, value) => this.add(total, value));
  }

  multiply(left: Value, right: Value): Value {
    return this.one('Mul', [left, right]);
  }

  subtract(left: Value, right: Value): Value {
    return this.one('Sub', [left, right]);
  }

  /** x·sigmoid(x). */
  silu(value: Value): Value {
    return this.multiply(value, this.one('Sigmoid', [value]));
  }

  relu(value: Value): Value {
    return this.one('Relu', [value]);
  }

  /** x·Φ(x), or its approximation 0.5·x·(1 + tanh(sqrt(2/π)·(x + 0.044715·x³))). */
  gelu(value: Value, approximate: 'none' | 'tanh'): Value {
    return this.one('Gelu', [value], { approximate: { string: approximate } });
  }

  activate(value: Value, activation: Activation): Value {
    switch (activation) {
      case 'silu':
        return this.silu(value);
      case 'relu':
        return this.relu(value);
      case 'gelu':
        return this.gelu(value, 'none');
      case 'geluTanh':
        return this.gelu(value, 'tanh');
    }
  }

  /** Over the last dimension. */
  softmax(value: Value): Value {
    return this.one('Softmax', [value], { axis: { int: -1 } });
  }

  /** x / sqrt(mean(x²) + eps) · scale over the last dimension, whose size `scale` has. */
  rmsNorm(value: Value, scale: Value, eps: number): Value {
    return this.one('RMSNormalization', [value, scale], { axis: { int: -1 }, epsilon: { float: eps } });
  }

  /** Sizes: 0 keeps one of the input, -1 is what remains. */
  reshape(value: Value, sizes: readonly number[]): Value {
    return this.one('Reshape', [value, this.integers(sizes)]);
  }

  transpose(value: Value, order: readonly number[]): Value {
    return this.one('Transpose', [value], { perm: { ints: order } });
  }

  split(value: Value, axis: number, sizes: readonly number[]): Value[] {
    return this.node('Split', [value, this.integers(sizes)], { axis: { int: axis } }, { outputs: sizes.length });
  }

  /** Elements [start, end) along `axis`. */
  slice(value: Value, axis: number, [start, end]: readonly [start: number, end: number]): Value {
    return this.one('Slice', [value, this.integers([start]), this.integers([end]), this.integers([axis])]);
  }

  concat(values: readonly Value[], axis: number): Value {
    return this.one('Concat', values, { axis: { int: axis } });
  }

  /** Per row of `values` [R, V] the element that `indices` [R, 1] int64 names. Answers [R, 1]. */
  pick(values: Value, indices: Value): Value {
    return this.one('GatherElements', [values, indices], { axis: { int: 1 } });
  }

  /** The largest of each row of `values` [R, V], the first of equals. Answers the value and its int64 index, [R, 1]. */
  top(values: Value): { value: Value; index: Value } {
    const [value, index] = this.node('TopK', [values, this.integers([1])], {}, { outputs: 2 });
    return { value: value!, index: index! };
  }

  /**
   * Rotates heads laid out in halves: `value` [B, T, heads · headDim], positions 0 to T - 1 of each window or those of
   * `tables` [B, T] int64. Of `part` only the first dimensions of each head, which are halves of their own.
   */
  rope(
    value: Value,
    tables: { cos: Value; sin: Value; positions?: Value },
    part: { rotaryDim: number; heads: number } | null = null,
  ): Value {
    const inputs = [value, tables.positions ?? this.integers([0]), tables.cos, tables.sin];
    const attributes: Record<string, OnnxAttribute> = part
      ? { rotary_embedding_dim: { int: part.rotaryDim }, num_heads: { int: part.heads } }
      : {};
    return this.node('RotaryEmbedding', inputs, attributes, { domain: microsoftDomain })[0]!;
  }

  /** Drops whatever no output depends on, inputs included: what remains of a block that was built for a part of it. */
  dropUnused(): void {
    const wanted = new Set(this.#outputs.map(({ value }) => value.name));
    const drop = <T>(items: T[], isWanted: (item: T) => boolean): void => {
      items.splice(0, items.length, ...items.filter(isWanted));
    };
    // A node's inputs were made before it.
    for (const { inputs, outputs } of this.#nodes.toReversed()) {
      if (outputs.some(({ name }) => wanted.has(name))) for (const input of inputs) if (input) wanted.add(input.name);
    }
    drop(this.#nodes, ({ outputs }) => outputs.some(({ name }) => wanted.has(name)));
    drop(this.#constants, ({ name }) => wanted.has(name));
    drop(this.#inputs, ({ name }) => wanted.has(name));
  }

  /** The model file. The builder is used up. */
  encode(): Uint8Array<ArrayBuffer> {
    return encodeModel(this.graph());
  }

  /** What was built. */
  protected graph(): OnnxGraph {
    const nodes = this.#nodes.map(({ inputs, outputs, ...node }) => ({
      ...node,
      inputs: inputs.map((value) => value?.name ?? ''),
      outputs: outputs.map((value) => value.name),
    }));
    const outputs = this.#outputs.map(({ value, shape, type }) => ({ name: value.name, type, shape }));
    return { name: this.name, nodes, constants: this.#constants, inputs: this.#inputs, outputs };
  }
}
