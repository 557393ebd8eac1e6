// Writes an ONNX model file. Source: onnx/onnx.proto3 of onnx 1.18 (field numbers and enums), IR version 10.
// Weights of block graphs are inputs; those of an exported model are initializers, which are written tensor by tensor.
import { ProtobufWriter } from './protobuf-writer.ts';
import type { ProtobufGap } from './protobuf-writer.ts';

/** Types of the values that our graphs take and give. */
export type ElementType = 'float32' | 'int64';
export type WeightElementType = 'float32' | 'float16';

/** A size, or the name of one that is known only at the run. */
export type Dimension = number | string;

export interface OnnxValue {
  name: string;
  type: ElementType;
  /** Slowest dimension first, as everywhere in ONNX. */
  shape: readonly Dimension[];
}

export interface OnnxConstant {
  name: string;
  shape: readonly number[];
  data: Float32Array | BigInt64Array;
}

/** A constant whose bytes are not in memory. */
export interface OnnxWeight {
  name: string;
  type: WeightElementType;
  /** Slowest dimension first. */
  shape: readonly number[];
  /** Its number of bytes. */
  length: number;
  /** Where its bytes are, for a file beside the model's; null: in the model's own, where the encoded model has a gap. */
  external: { location: string; offset: number } | null;
}

/** ONNX tells whole from broken numbers, JavaScript does not: the kind is named. */
export type OnnxAttribute = { int: number } | { float: number } | { ints: readonly number[] } | { string: string };

export interface OnnxNode {
  /** Empty for ai.onnx. */
  domain: string;
  operator: string;
  /** An empty name leaves out an optional input. */
  inputs: readonly string[];
  outputs: readonly string[];
  attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxGraph {
  name: string;
  nodes: readonly OnnxNode[];
  constants: readonly OnnxConstant[];
  weights?: readonly OnnxWeight[];
  inputs: readonly OnnxValue[];
  outputs: readonly OnnxValue[];
  /** The model's metadata_props. */
  metadata?: Readonly<Record<string, string>>;
}

/** Who wrote a model. */
export const producerName = 'snug';
const irVersion = 10;
/** RMSNormalization came with 23. */
const ownOpset = 23;
/** Of IR version 10 and onnx 1.16, which onnxruntime has known since 1.18. */
const portableOpset = 21;
const microsoftOpset = 1;
export const microsoftDomain = 'com.microsoft';

/** TensorProto.DataType. */
export const elementTypes = { float32: 1, int64: 7, bool: 9, float16: 10 } as const;
/** AttributeProto.AttributeType. */
const attributeTypes = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** The bytes of a ModelProto. */
export function encodeModel(graph: OnnxGraph): Uint8Array<ArrayBuffer> {
  return modelMessage(graph, ownOpset).finish();
}

/** The pieces of a ModelProto of opset 21: bytes, and gaps for the weights that are in the file itself. */
export function encodePortableModel(graph: OnnxGraph): (Uint8Array<ArrayBuffer> | ProtobufGap)[] {
  return modelMessage(graph, portableOpset).pieces();
}

function modelMessage(graph: OnnxGraph, onnxOpset: number): ProtobufWriter {
  const opset = (domain: string, version: number): ProtobufWriter =>
    new ProtobufWriter().text(1, domain).integer(2, version);
  const model = new ProtobufWriter()
    .integer(1, irVersion)
    .text(2, producerName)
    .message(7, encodeGraph(graph))
    .message(8, opset('', onnxOpset));
  for (const [key, value] of Object.entries(graph.metadata ?? {})) {
    model.message(14, new ProtobufWriter().text(1, key).text(2, value));
  }
  const usesMicrosoft = graph.nodes.some(({ domain }) => domain === microsoftDomain);
  return usesMicrosoft ? model.message(8, opset(microsoftDomain, microsoftOpset)) : model;
}

function encodeGraph(graph: OnnxGraph): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const node of graph.nodes) writer.message(1, encodeNode(node));
  writer.text(2, graph.name);
  for (const constant of graph.constants) writer.message(5, encodeConstant(constant));
  for (const weight of graph.weights ?? []) writer.message(5, encodeWeight(weight));
  for (const input of graph.inputs) writer.message(11, encodeValue(input));
  for (const output of graph.outputs) writer.message(12, encodeValue(output));
  return writer;
}

function encodeNode(node: OnnxNode): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const input of node.inputs) writer.text(1, input);
  for (const output of node.outputs) writer.text(2, output);
  writer.text(3, node.outputs[0]!).text(4, node.operator);
  for (const [name, attribute] of Object.entries(node.attributes)) writer.message(5, encodeAttribute(name, attribute));
  return writer.text(7, node.domain);
}

function encodeAttribute(name: string, attribute: OnnxAttribute): ProtobufWriter {
  const writer = new ProtobufWriter().text(1, name);
  if ('float' in attribute) return writer.float(2, attribute.float).integer(20, attributeTypes.float);
  if ('int' in attribute) return writer.integer(3, attribute.int).integer(20, attributeTypes.int);
  if ('string' in attribute) return writer.text(4, attribute.string).integer(20, attributeTypes.string);
  for (const value of attribute.ints) writer.integer(8, value);
  return writer.integer(20, attributeTypes.ints);
}

function encodeConstant({ name, shape, data }: OnnxConstant): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const size of shape) writer.integer(1, size);
  const type = data instanceof Float32Array ? 'float32' : 'int64';
  return writer
    .integer(2, elementTypes[type])
    .text(8, name)
    .bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

/** TensorProto.DataLocation.EXTERNAL. */
const externalLocation = 1;

function encodeWeight({ name, type, shape, length, external }: OnnxWeight): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const size of shape) writer.integer(1, size);
  writer.integer(2, elementTypes[type]).text(8, name);
  if (!external) return writer.gap(9, { name, length });
  const entries = { location: external.location, offset: String(external.offset), length: String(length) };
  for (const [key, value] of Object.entries(entries)) {
    writer.message(13, new ProtobufWriter().text(1, key).text(2, value));
  }
  return writer.integer(14, externalLocation);
}

function encodeValue({ name, type, shape }: OnnxValue): ProtobufWriter {
  const dimensions = new ProtobufWriter();
  for (const size of shape) {
    const dimension = new ProtobufWriter();
    dimensions.message(1, typeof size === 'number' ? dimension.integer(1, size) : dimension.text(2, size));
  }
  const tensor = new ProtobufWriter().integer(1, elementTypes[type]).message(2, dimensions);
  return new ProtobufWriter().text(1, name).message(2, new ProtobufWriter().message(1, tensor));
}
