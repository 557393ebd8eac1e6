// Writes a decoder as an ONNX model for stock onnxruntime (docs/onnx.md): weights in the model's own file, or beside it
// where they are too large for protobuf, whose messages end at 2 GB. Nothing appears under its name before all is complete.
import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { AppError } from '../../../contract/errors.ts';
import type { Progress } from '../../../contract/progress.ts';
import type { SlicingConfig } from '../../../contract/results.ts';
import type { Decoder } from '../../architectures/decoder.ts';
import type { SlicedDecoder } from '../../slicing/per-block/sliced-decoder.ts';
import { createOutput } from '../../formats/output-file.ts';
import type { OutputFile } from '../../formats/output-file.ts';
import { elementCount } from '../../formats/tensor.ts';
import { readRopeDivisors } from '../../graph/block-weights.ts';
import type { Dequantize } from '../../graph/float-values.ts';
import { isSliced } from '../../graph/hidden-states.ts';
import type { OnnxWeight } from '../../graph/onnx-model.ts';
import type { ProtobufGap } from '../../graph/protobuf-writer.ts';
import { Throughput } from '../../quantization/throughput.ts';
import { bytesPerElement } from '../../formats/float-values.ts';
import { decoderContent } from '../weights/decoder-content.ts';
import type { DecoderTensor } from '../weights/decoder-tensors.ts';
import { ofAllFiles } from '../weights/written-files.ts';
import { decoderGraph } from './decoder-graph.ts';
import { denseForm } from './dense-form.ts';
import { onnxMetadata } from './onnx-metadata.ts';
import { slicedForm } from './sliced-form.ts';

export interface OnnxRequest {
  decoder: Decoder | SlicedDecoder;
  /** FILE.onnx; larger weights go to FILE.onnx.data. */
  output: string;
  /** Of matrices; vectors are F32, and so is all arithmetic. */
  type: 'F32' | 'F16';
  /** Replace files that are there already. @default false */
  force?: boolean;
  /** How a decoder that is no SlicedDecoder was sliced; null where it was not. @default null */
  slicing?: SlicingConfig | null;
  /** Bytes of weights above which they get a file of their own. @default 1.9e9 */
  maxEmbeddedBytes?: number;
  dequantize: Dequantize;
  signal: AbortSignal;
  progress: (progress: Progress) => void;
}

export interface OnnxResult {
  /** Of all files. */
  fileBytes: number;
  /** Of the file; of several: of their lines `HASH  NAME`, the model first. */
  sha256: string;
  /** Paths, the model first. */
  files: string[];
}

/** Where a tensor begins in a file of its own: a page, so that a runtime can map it (onnx/docs/ExternalData.md). */
const externalAlignment = 4096;

type Piece = Uint8Array<ArrayBuffer> | ProtobufGap;

/**
 * Writes the model; a failure or a cancel leaves no file.
 * @throws NON_FINITE also where a value has no finite form in F16, UNSUPPORTED_TYPE, OUTPUT_EXISTS, FILE_NOT_FOUND,
 * DISK_FULL, CANCELLED
 */
export async function writeOnnxModel(request: OnnxRequest): Promise<OnnxResult> {
  const { decoder, output, type, force = false, maxEmbeddedBytes = 1.9e9, dequantize, signal } = request;
  const form = isSliced(decoder) ? slicedForm(decoder, type) : denseForm(decoder, type);
  const slicing = isSliced(decoder) ? decoder.slicing : (request.slicing ?? null);
  const configJson = isSliced(decoder) ? (decoder.model.configJson ?? null) : null;
  const { tensors } = form;
  const weightBytes = tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0);
  const dataPath = weightBytes > maxEmbeddedBytes ? `${output}.data` : null;
  const outputs: OutputFile[] = [];
  try {
    signal.throwIfAborted();
    const { weights, dataPieces } = placed(tensors, dataPath);
    const divisors = await readRopeDivisors(form, dequantize);
    const modelPieces = decoderGraph(form, weights, divisors).pieces(onnxMetadata(form, slicing, configJson));
    const plans = [
      { path: output, pieces: modelPieces },
      ...(dataPath === null ? [] : [{ path: dataPath, pieces: dataPieces }]),
    ];
    // The first output asks for the space of all: none of it is used yet.
    const totalBytes = plans.reduce((sum, { pieces }) => sum + lengthOf(pieces), 0);
    for (const { path } of plans) outputs.push(await createOutput(path, { force, expectedBytes: totalBytes }));

    const throughput = new Throughput('export', weightBytes, request.progress);
    const source = { model: decoder.model, headDim: decoder.config.headDim, dequantize, signal };
    const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    for (const [index, { pieces }] of plans.entries()) {
      await writePieces(outputs[index]!, pieces, (name) => decoderContent(byName.get(name)!, source, throughput));
    }
    signal.throwIfAborted();
    const files = [];
    for (const file of outputs) files.push({ path: file.path, fileBytes: file.size, sha256: await file.sha256() });
    await commitAll(outputs);
    return { ...ofAllFiles(files), files: files.map(({ path }) => path) };
  } catch (error) {
    for (const file of outputs) await file.discard();
    throw AppError.from(error);
  }
}

const bytesOf = ({ type, shape }: DecoderTensor): number => bytesPerElement(type) * elementCount(shape)!;
const lengthOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, piece) => sum + piece.length, 0);

/** The initializers of the tensors, and what a file of their own holds: the tensors with zeros between them. */
function placed(
  tensors: readonly DecoderTensor[],
  dataPath: string | null,
): { weights: OnnxWeight[]; dataPieces: Piece[] } {
  const dataPieces: Piece[] = [];
  let end = 0;
  const weights = tensors.map((tensor): OnnxWeight => {
    const length = bytesOf(tensor);
    const padding = (externalAlignment - (end % externalAlignment)) % externalAlignment;
    const offset = end + padding;
    if (padding > 0) dataPieces.push(new Uint8Array(padding));
    dataPieces.push({ name: tensor.name, length });
    end = offset + length;
    return {
      name: tensor.name,
      type: tensor.type === 'F16' ? 'float16' : 'float32',
      shape: tensor.shape.toReversed(),
      length,
      external: dataPath === null ? null : { location: basename(dataPath), offset },
    };
  });
  return { weights, dataPieces };
}

/** Writes a file in order, each gap filled with the content of its name. @throws INTERNAL when that has another length */
async function writePieces(
  output: OutputFile,
  pieces: readonly Piece[],
  contentOf: (name: string) => AsyncIterable<Uint8Array>,
): Promise<void> {
  let end = 0;
  for (const piece of pieces) {
    const start = end;
    for await (const part of piece instanceof Uint8Array ? [piece] : contentOf(piece.name)) {
      await output.write(part, end);
      end += part.length;
    }
    if (end - start !== piece.length) {
      throw new AppError(
        'INTERNAL',
        `${output.path}: ${end - start} bytes were written where ${piece.length} were planned.`,
      );
    }
  }
}

/** Gives the files their names, the model last: it is what makes them one. */
async function commitAll(outputs: readonly OutputFile[]): Promise<void> {
  const committed: string[] = [];
  try {
    for (const output of outputs.toReversed()) {
      await output.commit();
      committed.push(output.path);
    }
  } catch (error) {
    for (const path of committed) await rm(path, { force: true });
    throw error;
  }
}
