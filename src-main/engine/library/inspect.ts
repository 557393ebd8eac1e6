// What a model is and what can be done with it, from its header alone.
import { AppError } from '../../contract/errors.ts';
import type { Inspection } from '../../contract/model.ts';
import { conversionRefusal } from '../../core/export/hf-to-gguf/convert-folder.ts';
import { isOnnxFile, openModel, typeCounts, type ModelSource } from '../../core/formats/model-source.ts';
import { slicedWidths } from '../../core/slicing/per-block/sliced-folder.ts';
import { perBlockRefusal } from '../../core/slicing/per-block/runnable-refusal.ts';
import { sharedSliceRefusal } from '../../core/slicing/shared-refusal.ts';
import { openFolderTokenizer } from '../../core/tokens/folder-tokenizer.ts';
import { hubRepositoryOf } from './hub-repository.ts';
import { inspectOnnx } from './inspect-onnx.ts';

/** What no command does yet. */
const notBuilt = 'This version cannot do that yet.';

/** Inspects a GGUF file, a safetensors folder or an ONNX model that Snug wrote. Reads headers only. */
export async function inspect(path: string): Promise<Inspection> {
  if (isOnnxFile(path)) return inspectOnnx(path);
  const source = await openModel(path);
  try {
    const { config, experts } = source;
    const isGguf = source.kind === 'gguf';
    const widths = await slicedWidths(source);
    // A folder is converted first, where its family can be.
    const runnable = isGguf ? true : ((await conversionRefusal(source)) ?? true);
    return {
      path: source.path,
      format: widths ? 'sliced' : source.kind,
      architecture: config.architecture,
      parameters: source.parameters,
      fileBytes: source.fileBytes,
      tensorTypes: typeCounts(source),
      config: {
        hiddenSize: config.hiddenSize,
        numHiddenLayers: config.numHiddenLayers,
        numAttentionHeads: config.numAttentionHeads,
        numKeyValueHeads: config.numKeyValueHeads,
        headDim: config.headDim,
        intermediateSize: config.intermediateSize,
        vocabSize: config.vocabSize,
        contextLength: config.contextLength,
        ropeTheta: config.ropeTheta,
        normEps: config.normEps,
        tiedEmbeddings: config.tiedEmbeddings,
      },
      tokenizer: isGguf ? ggufTokenizer(source) : await folderTokenizer(source.path),
      can: {
        slicePerBlock: (await perBlockRefusal(source)) ?? true,
        // What a sliced folder becomes has the keys of a converted one.
        sliceShared: sharedSliceRefusal(source) ?? runnable,
        prune: notBuilt,
        dropLayers: notBuilt,
        importance: runnable,
        quantize: runnable,
      },
      widths,
      repository: source.gguf ? hubRepositoryOf(source.gguf.metadata) : null,
      experts: experts && { count: experts.count, used: experts.used ?? 0, sharedCount: experts.sharedCount },
      warnings: [],
    };
  } finally {
    await source.close();
  }
}

function ggufTokenizer({ gguf, config }: ModelSource): Inspection['tokenizer'] {
  const metadata = gguf!.metadata;
  if (!metadata.has('tokenizer.ggml.model')) return null;
  return {
    model: metadata.string('tokenizer.ggml.model'),
    pre: metadata.has('tokenizer.ggml.pre') ? metadata.string('tokenizer.ggml.pre') : null,
    vocabSize: config.vocabSize ?? 0,
  };
}

async function folderTokenizer(folder: string): Promise<Inspection['tokenizer']> {
  try {
    const { model, vocabSize } = await openFolderTokenizer(folder);
    return { model, pre: null, vocabSize };
  } catch (error) {
    if (error instanceof AppError && error.code === 'FILE_NOT_FOUND') return null; // a folder without a tokenizer is still a model
    throw error;
  }
}
