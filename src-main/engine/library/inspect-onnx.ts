// What an ONNX model that Snug wrote is, from its header.
import type { Inspection } from '../../contract/model.ts';
import { AppError } from '../../contract/errors.ts';
import { requireSorted } from '../../core/slicing/per-block/narrower-widths.ts';
import { openOnnxSlice } from '../../core/export/onnx/open-onnx-slice.ts';
import { openOnnxModel } from '../../core/export/onnx/open-onnx-model.ts';

const finished = 'An ONNX model is finished: name the folder or GGUF it was made from.';

async function cutRefusal(file: string): Promise<true | string> {
  const slice = await openOnnxSlice(file);
  try {
    requireSorted(slice);
    return true;
  } catch (error) {
    return AppError.from(error).message;
  } finally {
    await slice.model.close();
  }
}

/** @throws FILE_NOT_FOUND, FILE_MALFORMED as openOnnxModel and openOnnxSlice */
export async function inspectOnnx(file: string): Promise<Inspection> {
  const { path, facts, parameters, fileBytes, tensorTypes, slicing, configJson } = await openOnnxModel(file);
  const { architecture, ...config } = facts;
  return {
    ...{ path, format: 'onnx', architecture, parameters, fileBytes, tensorTypes, config },
    tokenizer: null,
    can: {
      slicePerBlock: slicing && configJson ? await cutRefusal(file) : finished,
      sliceShared: finished,
      prune: finished,
      dropLayers: finished,
      importance: finished,
      quantize: finished,
    },
    widths: slicing,
    repository: null,
    experts: null,
    warnings: [],
  };
}
