// Slicing by one shared rotation: which types the sliced tensors get, and the file itself.
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../contract/errors.ts';
import type { Precision } from '../../contract/recipe.ts';
import type { SliceStep } from '../../contract/plan.ts';
import type { SliceRecipe } from '../../contract/recipe.ts';
import { ggmlTypeByName } from '../../core/formats/ggml-types.ts';
import { openGguf } from '../../core/formats/gguf-reader.ts';
import { candidateOf, type Candidate } from '../../core/planning/candidates.ts';
import { findMix } from '../../core/quantization/mixes.ts';
import { sharedWidth } from '../../core/slicing/shared-width.ts';
import { keptFile } from '../jobs/kept-file.ts';
import { notePeakMemory, reportAs, stage, type JobContext } from '../jobs/context.ts';
import { outputForm } from '../jobs/output-names.ts';
import { plannedFile, writeHeader, type PlannedFile } from '../planner/headers.ts';
import type { BlockStatistics } from './statistics.ts';

const floatTypes = ['F32', 'F16', 'BF16'] as const;
type FloatType = (typeof floatTypes)[number];

/** The float type of this name, or null. */
export const floatTypeOf = (type: string): FloatType | null =>
  floatTypes.find((name) => name === type.toUpperCase()) ?? null;

/** What a slice without a measure is told. */
export const howMuch = 'How much to cut is missing: add --sparsity S (0.2 cuts a fifth of the width) or --width D.';

/** Types that a form can hold besides GGUF, which holds all; stock ONNX runtimes have no bfloat16 on the CPU. */
const typesOfForm = { safetensors: ['F32', 'F16', 'BF16'], onnx: ['F32', 'F16'] } as const;

/** Refuses a type that the output's form cannot hold. @throws USAGE with `advice` */
export function checkForm({ output, type }: { output: string; type: string }, advice: string): void {
  const { name } = findMix(type);
  const form = outputForm(output);
  if (form === 'gguf') return;
  const possible: readonly string[] = typesOfForm[form];
  if (possible.includes(name)) return;
  const message = `${output} cannot hold ${name}: ${form} takes ${possible.join(', ')}; ${advice}.`;
  throw new AppError('USAGE', message, { output, type: name, possible: [...possible] });
}

/** Widths of a type's files are multiples of this: 8 for floats, else the block of the type (method of llama.cpp's kernels). */
export function roundOf(type: string): number {
  const float = floatTypeOf(type);
  return float ? 8 : ggmlTypeByName(findMix(type).type)!.blockSize;
}

/** What helps where a sparsity leaves no width. */
const otherWidth = 'Ask for more --sparsity, name --width, or take another --type.';

/**
 * The width that a shared rotation keeps: a multiple of what the type or `round` needs. `advice` ends the message where a
 * sparsity leaves none. @throws USAGE
 */
export function sharedWidthOf(
  { sparsity, width, round, type }: Pick<SliceRecipe, 'sparsity' | 'width' | 'round' | 'type'>,
  hiddenSize: number,
  advice = otherWidth,
): number {
  const step = round ?? roundOf(type);
  if (sparsity !== null) return widthOfSparsity({ sparsity, step, type, advice }, hiddenSize);
  if (width === null || width > hiddenSize) {
    const message = `The width is ${width}; it has to be a whole number from 1 to the model's ${hiddenSize}.`;
    throw new AppError('USAGE', message, { width, hiddenSize });
  }
  if (width % step === 0) return width;
  const nearest = sharedWidth(hiddenSize, 1 - width / hiddenSize, step).width;
  const message = `A width of ${width} is no multiple of ${step}, as ${type} needs: take ${nearest}, or another --type or --round.`;
  throw new AppError('USAGE', message, { width, round: step, type, nearest });
}

/** @throws USAGE where rounding would leave the model as it is */
function widthOfSparsity(
  { sparsity, step, type, advice }: { sparsity: number; step: number; type: string; advice: string },
  hiddenSize: number,
): number {
  const width = step > hiddenSize ? hiddenSize : sharedWidth(hiddenSize, sparsity, step).width;
  if (width < hiddenSize || sparsity === 0) return width;
  const next = hiddenSize - step;
  const possible = next > 0 ? `the widest below is ${next}` : 'there is none below';
  const message = `Nothing would be cut: ${type} takes widths that are multiples of ${step}, and of ${hiddenSize} columns ${possible}. ${advice}`;
  throw new AppError('USAGE', message, { sparsity, round: step, hiddenSize, type });
}

export interface SlicedFile {
  file: PlannedFile;
  /** Path of the header alone. */
  header: string;
  sizes: { parametersBefore: number; parametersAfter: number; untiedParameters: number };
}

interface SlicePlanOptions {
  source: string;
  step: SliceStep;
  /** A float type or a named mix. */
  type: string;
  importance: boolean;
}

/** What slicing `source` will write, to the byte, in a float type or a mix that llama.cpp chooses types for. */
export async function planSlice(
  context: JobContext,
  { source, step, type, importance }: SlicePlanOptions,
): Promise<SlicedFile> {
  const { width, orientation } = step;
  const skeleton = path.join(context.scratch, `sliced-${width}-${type}.gguf`);
  const base = floatTypeOf(type) ?? 'F16';
  const sizes = await context.worker((client) =>
    client.sliceHeader({ source, output: skeleton, width, orientation, type: base }, { signal: context.signal }),
  );
  const model = await openGguf(skeleton);
  try {
    const candidate = await typesOf(context, { skeleton, type, importance, tensors: model.tensors });
    const file = plannedFile(model, candidate, step);
    const { parametersBefore, parametersAfter, untiedParameters } = sizes;
    const header = await writeHeader(file, context.scratch);
    return { file, header, sizes: { parametersBefore, parametersAfter, untiedParameters } };
  } finally {
    await model.close();
    await rm(skeleton); // a study plans one width several times
  }
}

interface TypeQuestion {
  skeleton: string;
  type: string;
  importance: boolean;
  tensors: readonly { name: string; type: string }[];
}

async function typesOf(context: JobContext, { skeleton, type, importance, tensors }: TypeQuestion): Promise<Candidate> {
  const question = { name: findMix(type).name, pure: false, importance };
  if (floatTypeOf(type)) {
    const types = Object.fromEntries(tensors.map((tensor) => [tensor.name, tensor.type]));
    return { ...candidateOf(question, types)!, id: path.basename(skeleton, '.gguf') };
  }
  const { results } = await context.llama((client) =>
    client.mixTypes({ model: skeleton, mixes: [question] }, { signal: context.signal }),
  );
  const [answer] = results;
  const candidate = candidateOf(question, answer?.types ?? null);
  if (candidate) return { ...candidate, id: path.basename(skeleton, '.gguf') };
  if (answer?.needsImportance)
    throw new AppError('IMPORTANCE_MISSING', `${type} gives garbage without importance: leave --importance on.`, {
      type,
    });
  throw new AppError(
    'LLAMA_FAILED',
    `llama.cpp cannot make ${type} of the sliced model: ${answer?.reason ?? 'no reason given'}.`,
    { type },
  );
}

export interface SliceOptions {
  source: string;
  statistics: BlockStatistics;
  planned: Pick<SlicedFile, 'file'>;
  step: SliceStep;
  seed: number;
  /** Of the eigenproblem. @default 'fp64' */
  precision?: Precision;
  type: string;
  /** Whether errors of quantised types are weighed by importance. */
  importance: boolean;
  output: string;
  detail?: string;
}

export type SliceMade = Awaited<ReturnType<Parameters<Parameters<JobContext['worker']>[0]>[0]['sliceShared']>>;

/** Writes the sliced file, quantised in the same pass where its type is not a float. */
export async function makeSlice(context: JobContext, options: SliceOptions): Promise<SliceMade> {
  const { source, statistics, planned, step, seed, precision = 'fp64', importance, output, detail } = options;
  const { width, orientation } = step;
  const float = floatTypeOf(options.type);
  const { types, fileType } = planned.file.candidate;
  const form = {
    ...{ width, orientation, seed, precision, type: float ?? ('F16' as const) },
    ...(float ? { types: null, fileType: null } : { types: { ...types }, fileType }),
  };
  const files = [statistics.gram, ...(importance && !float ? [statistics.importance] : [])];
  return stage(context, 'slice', async () => {
    const kept = await keptFile(context, { source, files, inputs: form });
    const made = await context.worker((client) =>
      client.sliceShared(
        {
          ...{ source, gram: statistics.gram, output, ...form, kept, threads: context.threads },
          importance: importance && !float ? statistics.importance : null,
        },
        { signal: context.signal, onProgress: reportAs(context, 'slice', detail) },
      ),
    );
    notePeakMemory(context, made.peakMemoryBytes);
    return made;
  });
}
