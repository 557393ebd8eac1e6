// The ONNX writer: its bytes read back field by field, and its operators run in onnxruntime against plain arithmetic.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blockSizes, causalAttention } from '../../../src-main/core/graph/causal-attention.ts';
import { addGramOutputs, addSquaresOutput, GramSum } from '../../../src-main/core/graph/gram.ts';
import { GraphBuilder } from '../../../src-main/core/graph/graph-builder.ts';
import type { Value } from '../../../src-main/core/graph/graph-builder.ts';
import { encodeModel } from '../../../src-main/core/graph/onnx-model.ts';
import type { ElementType } from '../../../src-main/core/graph/onnx-model.ts';
import { ProtobufWriter } from '../../../src-main/core/graph/protobuf-writer.ts';
import { protobufFields } from '../../../src-main/core/tokens/protobuf-reader.ts';
import type { ProtobufField } from '../../../src-main/core/tokens/protobuf-reader.ts';
import { onnxRuntime } from '../../../src-main/worker/onnx/onnx-runtime.ts';
import { furthest } from '../../support/golden-models.ts';

const runtime = onnxRuntime({ threads: 1 });
const text = new TextDecoder();
const fieldsOf = (bytes: Uint8Array): ProtobufField[] => [...protobufFields(bytes, 'model')];
const bytesOf = (fields: ProtobufField[], number: number): Uint8Array[] =>
  fields.flatMap((field) => (field.number === number && field.wire === 'bytes' ? [field.value] : []));
const textsOf = (bytes: Uint8Array, number: number): string[] =>
  bytesOf(fieldsOf(bytes), number).map((value) => text.decode(value));
const wave = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, index) => Math.sin(seed + index * 1.37) + 0.3 * Math.cos(seed * index));

/** Runs a graph made by `build` from named inputs; answers its output `out`. */
async function evaluate(
  inputs: Record<string, { data: Float32Array; shape: number[] }>,
  build: (g: GraphBuilder, values: Record<string, Value>) => Value,
  shape = ['A', 'B'],
  type: ElementType = 'float32',
): Promise<Float32Array> {
  const g = new GraphBuilder('test');
  const values = Object.entries(inputs).map(([name, { shape }]) => [name, g.input(name, shape)] as const);
  g.output('out', build(g, Object.fromEntries(values)), shape, type);
  const runner = await runtime.open(g.encode());
  try {
    return (await runner.run(inputs, { out: null }))['out']!;
  } finally {
    await runner.dispose();
  }
}

describe('ProtobufWriter', () => {
  test('numbers of any size come back', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.integer({ min: 1, max: 2 ** 28 }), (value, field) => {
        const bytes = new ProtobufWriter().integer(field, value).finish();
        expect(fieldsOf(bytes)).toEqual([{ number: field, wire: 'integer', value }]);
      }),
    );
    expect(() => new ProtobufWriter().integer(1, 0.5)).toThrow(RangeError);
  });

  test('texts, floats and nested messages come back in order', () => {
    const inner = new ProtobufWriter().float(2, 0.1).text(1, 'ä');
    const [field] = fieldsOf(new ProtobufWriter().message(5, inner).finish());
    const nested = fieldsOf((field as { value: Uint8Array }).value);
    expect(nested[0]).toMatchObject({ number: 2, wire: 'float', value: Math.fround(0.1) });
    expect(nested[1]).toMatchObject({ number: 1, value: new TextEncoder().encode('ä') });
  });
});

describe('a message with gaps', () => {
  test('is the message that has their bytes', () => {
    const content = Uint8Array.of(7, 8, 9);
    const around = (fill: (writer: ProtobufWriter) => ProtobufWriter): ProtobufWriter =>
      new ProtobufWriter()
        .text(1, 'a')
        .message(2, fill(new ProtobufWriter().integer(1, 300)))
        .text(3, 'b');
    const pieces = around((writer) => writer.gap(9, { name: 'w', length: 3 })).pieces();
    expect(pieces.map((piece) => (piece instanceof Uint8Array ? null : piece.name))).toEqual([null, 'w', null]);
    const filled = pieces.flatMap((piece) => [...(piece instanceof Uint8Array ? piece : content)]);
    expect(filled).toEqual([...around((writer) => writer.bytes(9, content)).finish()]);
  });

  test('has no bytes by itself', () => {
    const gap = { name: 'w', length: 3 };
    expect(() => new ProtobufWriter().gap(9, gap).finish()).toThrow(/gaps/);
    expect(() => new ProtobufWriter().text(1, 'a').gap(9, gap).finish()).toThrow(/gaps/);
  });
});

describe('encodeModel', () => {
  test('nodes, constants, inputs, outputs and opsets are where onnx.proto3 has them', () => {
    const bytes = encodeModel({
      name: 'g',
      nodes: [
        {
          domain: 'com.microsoft',
          operator: 'Op',
          inputs: ['a', ''],
          outputs: ['b'],
          attributes: { k: { ints: [2, -1] } },
        },
      ],
      constants: [{ name: 'a', shape: [2], data: Float32Array.of(1, 2) }],
      inputs: [{ name: 'x', type: 'int64', shape: ['N', 3] }],
      outputs: [{ name: 'b', type: 'float32', shape: [] }],
    });
    const model = fieldsOf(bytes);
    expect(bytesOf(model, 8).map((opset) => textsOf(opset, 1)[0])).toEqual(['', 'com.microsoft']);
    const graph = fieldsOf(bytesOf(model, 7)[0]!);
    const node = bytesOf(graph, 1)[0]!;
    expect([textsOf(node, 1), textsOf(node, 2), textsOf(node, 4), textsOf(node, 7)]).toEqual([
      ['a', ''],
      ['b'],
      ['Op'],
      ['com.microsoft'],
    ]);
    const attribute = fieldsOf(bytesOf(fieldsOf(node), 5)[0]!);
    expect(attribute.filter(({ number }) => number === 8).map(({ value }) => value)).toEqual([2, -1]);
    const constant = fieldsOf(bytesOf(graph, 5)[0]!);
    expect(new Float32Array(bytesOf(constant, 9)[0]!.slice().buffer)).toEqual(Float32Array.of(1, 2));
    expect(textsOf(bytesOf(graph, 11)[0]!, 1)).toEqual(['x']);
    expect(textsOf(bytesOf(graph, 12)[0]!, 1)).toEqual(['b']);
  });

  test('onnxruntime names what is wrong with a model', async () => {
    await expect(runtime.open(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({
      code: 'INTERNAL',
      details: { provider: 'cpu' },
    });
  });
});

describe('GraphBuilder in onnxruntime', () => {
  const x = { data: wave(12, 1), shape: [3, 4] };

  test('linear, silu and norm', async () => {
    const weight = { data: wave(8, 2), shape: [2, 4] };
    const bias = { data: wave(2, 3), shape: [2] };
    const product = (row: number, out: number): number =>
      [0, 1, 2, 3].reduce((sum, i) => sum + x.data[row * 4 + i]! * weight.data[out * 4 + i]!, bias.data[out]!);
    const expected = Array.from({ length: 6 }, (_, index) => product(Math.floor(index / 2), index % 2));
    expect(
      furthest(await evaluate({ x, weight, bias }, (g, v) => g.linear(v['x']!, v['weight']!, v['bias'])), expected),
    ).toBeLessThan(1e-6);
    expect(
      furthest(
        await evaluate({ x }, (g, v) => g.silu(v['x']!)),
        x.data.map((a) => a / (1 + Math.exp(-a))),
      ),
    ).toBeLessThan(1e-6);

    const scale = { data: wave(4, 5), shape: [4] };
    const rows = [0, 1, 2].map((row) => x.data.subarray(row * 4, row * 4 + 4));
    const normed = rows.flatMap((row) => {
      const divisor = Math.sqrt(row.reduce((sum, a) => sum + a * a, 0) / 4 + 0.1);
      return Array.from(row, (a, i) => (a / divisor) * scale.data[i]!);
    });
    expect(furthest(await evaluate({ x, scale }, (g, v) => g.rmsNorm(v['x']!, v['scale']!, 0.1)), normed)).toBeLessThan(
      1e-6,
    );
  });

  test('softmax, and the largest of a row: the first of equals', async () => {
    const rows = [0, 1, 2].map((row) => x.data.subarray(row * 4, row * 4 + 4));
    const shares = rows.flatMap((row) => {
      const total = row.reduce((sum, a) => sum + Math.exp(a), 0);
      return Array.from(row, (a) => Math.exp(a) / total);
    });
    expect(furthest(await evaluate({ x }, (g, v) => g.softmax(v['x']!)), shares)).toBeLessThan(1e-6);
    const equal = { data: Float32Array.of(3, 7, 7, -1, 0, -2, -3, 0), shape: [2, 4] };
    expect([...(await evaluate({ equal }, (g, v) => g.top(v['equal']!).value))]).toEqual([7, 0]);
    expect([...(await evaluate({ equal }, (g, v) => g.top(v['equal']!).index, ['A', 'B'], 'int64'))]).toEqual([1, 0]);
  });

  test('rope turns the pairs of two halves', async () => {
    const angles = Float32Array.from({ length: 4 }, (_, index) => index * 0.7);
    const data = wave(12, 4);
    const heads = { data, shape: [1, 2, 6] };
    const tables = (g: GraphBuilder) => ({
      cos: g.floats(angles.subarray(0, 2).map(Math.cos), [2, 1]),
      sin: g.floats(angles.subarray(0, 2).map(Math.sin), [2, 1]),
    });
    const found = await evaluate({ heads }, (g, v) => g.rope(v['heads']!, tables(g)), ['A', 'B', 'C']);
    const expected = Array.from(data, (value, index) => {
      const angle = angles[Math.floor(index / 6)]!;
      const other = data[index % 2 === 0 ? index + 1 : index - 1]!;
      return value * Math.cos(angle) + (index % 2 === 0 ? -other : other) * Math.sin(angle);
    });
    expect(furthest(found, expected)).toBeLessThan(1e-6);
  });

  test.each([
    [1, 4, 2],
    [48, 4, 4],
    [200, 6, 2],
    [321, 3, 1],
  ])('causal attention over %i tokens, %i heads on %i', async (length, heads, keyValueHeads) => {
    const headDim = 4;
    const windows = 2;
    const feed = (count: number, seed: number) => ({
      data: wave(windows * length * count * headDim, seed),
      shape: [windows, length, count * headDim],
    });
    const inputs = { q: feed(heads, 1), k: feed(keyValueHeads, 2), v: feed(keyValueHeads, 3) };
    const shape = { windowLength: length, heads, keyValueHeads, headDim };
    const found = await evaluate(inputs, (g, values) =>
      causalAttention(g, { q: values['q']!, k: values['k']!, v: values['v']! }, shape),
    );
    expect(furthest(found, plainAttention(inputs, windows, shape))).toBeLessThan(2e-6);
  });

  test('blocks of queries cover a window', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9000 }), (length) => {
        const sizes = blockSizes(length);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(length);
        expect(Math.max(...sizes)).toBeLessThan(200);
        expect(Math.min(...sizes)).toBeGreaterThan(0);
      }),
    );
  });

  test.each([5, 192, 500])('Grams in triangles and squares of %i columns', async (columns) => {
    const rows = { data: wave(7 * columns, 6), shape: [7, columns] };
    const g = new GraphBuilder('test');
    const input = g.add(g.input('rows', ['N', columns]), g.floats(Float32Array.of(0), []));
    const { names } = addGramOutputs(g, { name: 'site', rows: input, columns });
    addSquaresOutput(g, { name: 'squares', rows: input, columns }, g.input('ones', [1, 'N']));
    const runner = await runtime.open(g.encode());
    const feeds = { rows, ones: { data: new Float32Array(7).fill(1), shape: [1, 7] } };
    const outputs = await runner.run(feeds, {
      squares: null,
      ...Object.fromEntries(names.map((name) => [name, null])),
    });
    await runner.dispose();
    const sum = new GramSum(columns);
    const blocks = names.map((name) => outputs[name]!);
    sum.add(blocks);
    sum.add(blocks);
    const gram = sum.finish();
    const column = (index: number): number[] => [0, 1, 2, 3, 4, 5, 6].map((row) => rows.data[row * columns + index]!);
    for (const [i, j] of [
      [0, 0],
      [columns - 1, 0],
      [1, columns - 2],
      [columns - 1, columns - 1],
    ] as const) {
      const expected = column(i).reduce((total, value, row) => total + value * column(j)[row]!, 0);
      expect(Math.abs(gram[i * columns + j]! - 2 * expected)).toBeLessThan(1e-5);
      expect(gram[i * columns + j]).toBe(gram[j * columns + i]);
    }
    expect(
      furthest(
        outputs['squares']!,
        Array.from({ length: columns }, (_, i) => gram[i * columns + i]! / 2),
      ),
    ).toBeLessThan(1e-5);
  });

  test('a value becomes an output once, and only if a node made it', () => {
    const g = new GraphBuilder('test');
    const input = g.input('x', [1]);
    expect(() => g.output('y', input, [1])).toThrow(/cannot become the output y/);
    const twice = g.add(input, input);
    g.output('y', twice, [1]);
    expect(() => g.output('z', twice, [1])).toThrow(/cannot become the output z/);
  });

  test('an input may be the memory of an output', async () => {
    const g = new GraphBuilder('test');
    g.output('y', g.add(g.input('x', ['N']), g.floats(Float32Array.of(1), [])), ['N']);
    const runner = await runtime.open(g.encode());
    const all = Float32Array.of(1, 2, 3, 4);
    const part = { data: all.subarray(1, 3), shape: [2] };
    const { y } = await runner.run({ x: part }, { y: part });
    expect([...all]).toEqual([1, 3, 4, 4]);
    expect(y).toBe(part.data);
    await expect(runner.run({}, { y: null })).rejects.toThrow(/missing in 'feeds'/);
    await runner.dispose();
  });
});

/** The formula in float64 loops; answers [windows · length, heads · headDim]. */
function plainAttention(
  { q, k, v }: Record<'q' | 'k' | 'v', { data: Float32Array }>,
  windows: number,
  shape: { windowLength: number; heads: number; keyValueHeads: number; headDim: number },
): Float64Array {
  const { windowLength, heads, keyValueHeads, headDim } = shape;
  const result = new Float64Array(q.data.length);
  for (let window = 0; window < windows; window += 1) {
    for (let position = 0; position < windowLength; position += 1) {
      for (let head = 0; head < heads; head += 1) {
        const own = ((window * windowLength + position) * heads + head) * headDim;
        const shared = (token: number): number =>
          ((window * windowLength + token) * keyValueHeads + Math.floor((head * keyValueHeads) / heads)) * headDim;
        const weights = Array.from({ length: position + 1 }, (_, token) => {
          let sum = 0;
          for (let i = 0; i < headDim; i += 1) sum += q.data[own + i]! * k.data[shared(token) + i]!;
          return Math.exp(sum / Math.sqrt(headDim));
        });
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        weights.forEach((weight, token) => {
          for (let i = 0; i < headDim; i += 1) result[own + i]! += (weight / total) * v.data[shared(token) + i]!;
        });
      }
    }
  }
  return result;
}
