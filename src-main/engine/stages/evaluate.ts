// Quality of a model on held-out text: of its weights on our own graphs, or in llama.cpp, as it runs there or of its
// weights only (expanded to F16 first).
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { WindowComparison } from '../../contract/llama-host-api.ts';
import { AppError } from '../../contract/errors.ts';
import type { DeviceName } from '../../contract/recipe.ts';
import { quality, type Quality } from '../../contract/results.ts';
import { summarise } from '../../core/evaluation/quality.ts';
import { hasOnlyFloats } from '../../core/quantization/float-model.ts';
import { isOnnxFile, openModel } from '../../core/formats/model-source.ts';
import { checkpointed } from '../jobs/checkpoint.ts';
import { notePeakMemory, reportAs, stage, type JobContext } from '../jobs/context.ts';
import { sampledHash } from '../library/model-hash.ts';
import { compareInParts, type Compared } from './compare-parts.ts';
import { chooseDevice, graphProvider, onProcessorToo } from './device.ts';
import type { EvaluationEngine } from './engine.ts';
import { blamingWeights } from './open.ts';
import { tokenHash, type EvaluationTokens } from './texts.ts';

const evaluation = z.object({
  quality,
  device: z.string(),
  tokensPerSecond: z.number(),
  /** For the reference alone, where it is known: on our graphs. */
  referenceSeconds: z.number().optional(),
});
export type Evaluation = z.infer<typeof evaluation>;

export interface EvaluateOptions {
  /** On our graphs also an ONNX file, which runs itself; so may the reference be. */
  candidate: string;
  /** null: nothing to compare with. */
  reference: string | null;
  text: EvaluationTokens;
  engine: EvaluationEngine;
  /** As the recipe has it; auto is the processor for our graphs. */
  device: DeviceName;
  /** llama.cpp only: our graphs know no other way. */
  weightsOnly: boolean;
  /** On our graphs: a file of this job for the hidden states of a dense reference, which then runs once for all candidates. */
  keptReference?: string;
  /** Name of the stage and what is being evaluated, for progress. */
  stage?: string;
  detail?: string;
}

/** Measures, or takes what an earlier attempt at the job measured of the same files. */
export async function evaluate(context: JobContext, options: EvaluateOptions): Promise<Evaluation> {
  const { candidate, reference, text, engine, device, weightsOnly } = options;
  const models = await Promise.all([candidate, ...(reference === null ? [] : [reference])].map(sampledHash));
  const inputs = { models, text: text.sha256, tokens: tokenHash(text.windows), engine, device, weightsOnly };
  return checkpointed(context, { name: 'evaluate', inputs, schema: evaluation }, () =>
    measure(context, { ...options, inputs }),
  );
}

/** `inputs`: all that decides the figures. */
type MeasureOptions = EvaluateOptions & { inputs: object };

async function measure(context: JobContext, options: MeasureOptions): Promise<Evaluation> {
  const name = options.stage ?? 'evaluate';
  return stage(context, name, async () => {
    if (options.engine === 'onnx') return compareOnGraphs(context, options, name);
    if (!options.weightsOnly) return compareInLlama(context, options, name);
    const candidate = await expanded(context, options.candidate, name);
    const reference = options.reference === null ? null : await expandedOnce(context, options.reference, name);
    try {
      return await compareInLlama(context, { ...options, candidate, reference }, name);
    } finally {
      if (candidate !== options.candidate) await rm(candidate, { force: true });
    }
  });
}

/** A reference's expansion serves every candidate, and goes with the job. */
async function expandedOnce(context: JobContext, model: string, stageName: string): Promise<string> {
  const known = context.expansions.get(model) ?? (await expanded(context, model, stageName));
  context.expansions.set(model, known);
  return known;
}

async function compareOnGraphs(context: JobContext, options: MeasureOptions, name: string): Promise<Evaluation> {
  const { candidate, reference, text, keptReference = null } = options;
  const models = reference === null ? [candidate] : [reference, candidate];
  const hasFile = models.some(isOnnxFile);
  // Whether a file's weights are in F16 is only known when it runs.
  const provider = await graphProvider(context, options.device, { float16: hasFile && options.device === 'auto' });
  if (hasFile && provider === 'webgpu') context.warnings.push(onProcessorToo);
  const { threads, scratch } = context;
  const sources = models.filter((model) => !isOnnxFile(model));
  return blamingWeights(context, sources, async () => {
    const parts = { windows: text.windows, inputs: { ...options.inputs, provider } };
    const report = reportAs(context, name, options.detail);
    const compared = await compareInParts(context, { ...parts, report }, async (windows, onProgress, suffix) => {
      const params = { reference, candidate, windows, scratch, threads, provider };
      const control = { signal: context.signal, onProgress };
      const part = await context.worker((client) =>
        hasFile
          ? client.compareLogits(params, control)
          : client.compareBlocks({ ...params, keptReference: keptReference && keptReference + suffix }, control),
      );
      notePeakMemory(context, part.peakMemoryBytes);
      return { ...part, device: provider };
    });
    return evaluationOf(compared, options);
  });
}

async function compareInLlama(context: JobContext, options: MeasureOptions, name: string): Promise<Evaluation> {
  const { candidate, reference } = options;
  const models = reference === null ? [candidate] : [reference, candidate];
  const device = await chooseDevice(context, options.device, models);
  const settings = { gpuLayers: device.gpuLayers, ...context.llamaThreads };
  const parts = { windows: options.text.windows, inputs: { ...options.inputs, settings } };
  const report = reportAs(context, name, options.detail);
  const compared = await compareInParts(context, { ...parts, report }, (windows, onProgress) =>
    context.llama((client) =>
      client.compare({ reference, candidate, windows, settings }, { signal: context.signal, onProgress }),
    ),
  );
  return blamingWeights(context, models, async () => evaluationOf(compared, options));
}

function evaluationOf(compared: Compared, options: EvaluateOptions): Evaluation {
  const { windows, device, seconds, referenceSeconds } = compared;
  const tokens = options.text.windows.reduce((sum, { length }) => sum + length, 0);
  const figures = { quality: qualityOf(windows, options), device, tokensPerSecond: tokens / seconds };
  return referenceSeconds === undefined ? figures : { ...figures, referenceSeconds };
}

function qualityOf(windows: WindowComparison[], options: EvaluateOptions): Quality {
  const { engine, text, weightsOnly, candidate, reference } = options;
  const onnxFiles = [
    ...(reference !== null && isOnnxFile(reference) ? ['dense' as const] : []),
    ...(isOnnxFile(candidate) ? ['compressed' as const] : []),
  ];
  return {
    engine,
    kind: engine === 'onnx' || weightsOnly ? 'weights-only' : 'as-run',
    ...(onnxFiles.length > 0 && { onnxFiles }),
    text: text.name,
    textSha256: text.sha256,
    windows: text.windows.length,
    windowTokens: text.windowTokens,
    ...summarise(windows),
  };
}

/** The file with every quantised weight expanded to F16, in the scratch folder; the file itself where it has none. */
async function expanded(context: JobContext, model: string, stageName: string): Promise<string> {
  const source = await openModel(model);
  const floats = hasOnlyFloats(source.tensors);
  await source.close();
  if (floats) return model;
  const { results } = await context.llama((client) =>
    client.mixTypes({ model, mixes: [{ name: 'F16', importance: false }] }, { signal: context.signal }),
  );
  const types = results[0]?.types;
  if (!types)
    throw new AppError(
      'LLAMA_FAILED',
      `llama.cpp cannot expand ${model} to F16: ${results[0]?.reason ?? 'no reason given'}.`,
    );
  const output = path.join(context.scratch, `expanded-${expansions++}.gguf`);
  await context.worker((client) =>
    client.quantize(
      { source: model, output, types, fileType: 1, importance: null, threads: context.threads },
      { signal: context.signal, onProgress: reportAs(context, stageName, 'expanding to F16') },
    ),
  );
  return output;
}

let expansions = 0;
