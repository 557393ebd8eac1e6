// What an ONNX model that Snug wrote is, from its header.
import type { Inspection } from '../../contract/model.ts';
import { openOnnxModel } from '../../core/export/onnx/open-onnx-model.ts';

const finished = 'An ONNX model is finished: name the folder or GGUF it was made from.';

/** @throws FILE_NOT_FOUND, FILE_MALFORMED as openOnnxModel */
export async function inspectOnnx(file: string): Promise<Inspection> {
  const { path, facts, parameters, fileBytes, tensorTypes, slicing, configJson } = await openOnnxModel(file);
  const { architecture, ...config } = facts;
  return {
    ...{ path, format: 'onnx', architecture, parameters, fileBytes, tensorTypes, config },
    tokenizer: null,
    can: {
      slicePerBlock: slicing !== null && configJson !== null ? true : finished,
      sliceShared: finished,
      prune: finished,
      dropLayers: finished,
      importance: finished,
      quantize: finished,
    },
    widths: slicing,
    experts: null,
  };
}
