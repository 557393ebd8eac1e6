// What an ONNX model that write-onnx-model.ts wrote is: its metadata and where its weights lie, of which no value is read. Damage that
// a header shows (a cut file, weights that are missing or short) is found here, before a runtime is asked.
// Source: onnx/onnx.proto3 of onnx 1.18 (field numbers).
import { dirname, join } from 'node:path';
import { stat } from 'node:fs/promises';
import type { z } from 'zod';
import { AppError, malformed } from '../../../contract/errors.ts';
import type { SlicingConfig } from '../../../contract/results.ts';
import type { ByteSource } from '../../formats/byte-source.ts';
import { openFileSource } from '../../formats/file-source.ts';
import { bytesPerElement } from '../../formats/float-values.ts';
import { parseJsonObject } from '../../formats/json-object.ts';
import type { JsonObject } from '../../formats/json-object.ts';
import { typeCounts } from '../../formats/model-source.ts';
import { protobufRanges } from '../../formats/protobuf-ranges.ts';
import type { ByteRange } from '../../formats/protobuf-ranges.ts';
import { elementCount } from '../../formats/tensor.ts';
import type { TensorEntry } from '../../formats/tensor.ts';
import { elementTypes, producerName } from '../../graph/onnx-model.ts';
import { configKey, metadataValues, modelKey, slicingKey } from './onnx-metadata.ts';

export interface OnnxModelFile {
  path: string;
  /** Of the graph and of the weights beside it. */
  fileBytes: number;
  /** Elements of all weights; a tied output layer counts once. */
  parameters: number;
  /** Weights by their type. */
  tensorTypes: Record<string, number>;
  facts: z.infer<(typeof metadataValues)[typeof modelKey]>;
  /** How the model was sliced; null where it was not. */
  slicing: SlicingConfig | null;
  /** The config.json of the folder of a slice block by block; null of other models, and in files of an older Snug. */
  configJson: JsonObject | null;
  /** The graph's file, then those with weights. */
  files: string[];
  /** Weights; `shard` counts in `files`. */
  weights: TensorEntry[];
}

interface Initializer {
  name: string;
  type: number;
  /** Slowest first, as ONNX has it. */
  sizes: number[];
  /** Its bytes; null where they are in another file. */
  own: ByteRange | null;
  external: Map<string, string>;
}

const expected = 'an ONNX model that `snug slice` wrote';
/** Longer texts than any name or metadata of ours: 10,000 layers have 1 MB of widths. */
const longestText = 10_000_000;
/** Names that GraphBuilder gives to constants; weights have those of their tensors. */
const constantName = /^v\d+$/;

/**
 * Reads the header of FILE.onnx.
 * @throws FILE_NOT_FOUND where the file or its weights are missing, FILE_MALFORMED where Snug did not write it or it is damaged
 */
export async function openOnnxModel(path: string): Promise<OnnxModelFile> {
  const source = await openFileSource(path);
  try {
    const { producer, metadata, graph } = await modelFields(source);
    if (producer !== producerName || graph === null) {
      throw malformed(path, 'the model', { expected, actual: producer === '' ? 'no model' : `one of ${producer}` });
    }
    const facts = metadataOf(path, metadata, modelKey);
    if (!facts) throw malformed(path, `its ${modelKey}`, { expected: `${expected}, of this version`, actual: 'none' });
    const found = (await initializers(source, graph)).filter(({ name }) => !constantName.test(name));
    const { weights, dataFiles } = await placeWeights(path, found);
    const dataBytes = [...dataFiles.values()].reduce((sum, size) => sum + size, 0);
    return {
      ...{ path, fileBytes: source.size + dataBytes, facts, weights },
      files: [path, ...dataFiles.keys()],
      tensorTypes: typeCounts({ tensors: weights }),
      parameters: weights.reduce((sum, { shape }) => sum + elementCount(shape)!, 0),
      slicing: metadataOf(path, metadata, slicingKey),
      configJson: metadataOf(path, metadata, configKey),
    };
  } finally {
    await source.close();
  }
}

const typeNames: Readonly<Record<number, 'F32' | 'F16'>> = {
  [elementTypes.float32]: 'F32',
  [elementTypes.float16]: 'F16',
};

async function textAt(source: ByteSource, { start, end }: ByteRange): Promise<string> {
  if (end - start > longestText) {
    throw malformed(source.name, `byte ${start}`, {
      expected: `a text of at most ${longestText} bytes`,
      actual: `${end - start}`,
    });
  }
  return new TextDecoder().decode(await source.read(start, end - start));
}

/** A message of two texts, 1 the key and 2 the value. */
async function pairAt(source: ByteSource, range: ByteRange): Promise<[key: string, value: string]> {
  const pair: [string, string] = ['', ''];
  for await (const { number, content } of protobufRanges(source, range)) {
    if (content && (number === 1 || number === 2)) pair[number - 1] = await textAt(source, content);
  }
  return pair;
}

/** Of the ModelProto. */
async function modelFields(
  source: ByteSource,
): Promise<{ producer: string; metadata: Map<string, string>; graph: ByteRange | null }> {
  let producer = '';
  let graph: ByteRange | null = null;
  const metadata = new Map<string, string>();
  for await (const { number, content } of protobufRanges(source, { start: 0, end: source.size })) {
    if (!content) continue;
    if (number === 2) producer = await textAt(source, content);
    if (number === 7) graph = content;
    if (number === 14) metadata.set(...(await pairAt(source, content)));
  }
  return { producer, metadata, graph };
}

function metadataOf<Key extends keyof typeof metadataValues>(
  path: string,
  metadata: ReadonlyMap<string, string>,
  key: Key,
): z.infer<(typeof metadataValues)[Key]> | null {
  const text = metadata.get(key);
  if (text === undefined) return null;
  const value = parseJsonObject(path, `its ${key}`, new TextEncoder().encode(text));
  const parsed = metadataValues[key].safeParse(value);
  if (parsed.success) return parsed.data as z.infer<(typeof metadataValues)[Key]>;
  const issue = parsed.error.issues[0]!;
  throw malformed(path, `${issue.path.join('.')} of its ${key}`, {
    expected: 'what Snug writes',
    actual: issue.message,
  });
}

/** TensorProtos of the GraphProto. */
async function initializers(source: ByteSource, graph: ByteRange): Promise<Initializer[]> {
  const found: Initializer[] = [];
  for await (const { number, content } of protobufRanges(source, graph)) {
    if (number === 5 && content) found.push(await initializerAt(source, content));
  }
  return found;
}

async function initializerAt(source: ByteSource, range: ByteRange): Promise<Initializer> {
  const found: Initializer = { name: '', type: 0, sizes: [], own: null, external: new Map() };
  for await (const { number, value, content } of protobufRanges(source, range)) {
    if (number === 1) found.sizes.push(value);
    if (number === 2) found.type = value;
    if (number === 8 && content) found.name = await textAt(source, content);
    if (number === 9 && content) found.own = content;
    if (number === 13 && content) found.external.set(...(await pairAt(source, content)));
  }
  return found;
}

/** Where the bytes of weights lie, held against their shapes and the files beside the model, whose sizes are answered too. */
async function placeWeights(
  path: string,
  found: readonly Initializer[],
): Promise<{ weights: TensorEntry[]; dataFiles: Map<string, number> }> {
  const dataFiles = new Map<string, number>();
  const weights: TensorEntry[] = [];
  for (const { name, type: number, sizes, own, external } of found) {
    const [type, shape] = [typeNames[number], sizes.toReversed()];
    if (!type) throw malformed(path, `weight ${name}`, { expected: 'F32 or F16', actual: `type ${number} of ONNX` });
    const location = external.get('location');
    const needed = bytesPerElement(type) * (elementCount(shape) ?? Number.NaN);
    const bytes = location === undefined ? own && own.end - own.start : Number(external.get('length'));
    if (bytes !== needed) {
      throw malformed(path, `weight ${name}`, { expected: `${needed} bytes`, actual: `${bytes ?? 'no'} bytes` });
    }
    if (location === undefined) {
      weights.push({ name, type, shape, shard: 0, offset: own!.start, bytes });
      continue;
    }
    const file = join(dirname(path), location);
    const size = dataFiles.get(file) ?? (await sizeBeside(path, location));
    dataFiles.set(file, size);
    const offset = Number(external.get('offset'));
    if (!(offset + needed <= size)) {
      throw malformed(file, `weight ${name}`, {
        expected: `at least ${offset + needed} bytes`,
        actual: `${size} bytes`,
      });
    }
    weights.push({ name, type, shape, shard: [...dataFiles.keys()].indexOf(file) + 1, offset, bytes });
  }
  return { weights, dataFiles };
}

/** @throws FILE_NOT_FOUND, FILE_MALFORMED for a place in another folder */
async function sizeBeside(path: string, location: string): Promise<number> {
  if (/[/\\]/.test(location)) {
    throw malformed(path, 'its weights', { expected: 'a file beside the model', actual: location });
  }
  const file = join(dirname(path), location);
  const found = await stat(file).catch(() => null);
  if (found?.isFile()) return found.size;
  const message = `${file} is missing: it holds the weights of ${path}. Put both into one folder, under the names they were written with.`;
  throw new AppError('FILE_NOT_FOUND', message, { path: file, model: path });
}
