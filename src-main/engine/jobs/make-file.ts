// The part that quantize and fit share: from a source and types to a file, with importance where it helps.
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { CalibrationOptions } from '../../contract/recipe.ts';
import type { TensorEntry } from '../../core/formats/tensor.ts';
import { openImportance } from '../../core/quantization/importance-file.ts';
import { takesImportance } from '../../core/quantization/quantize-plan.ts';
import { openText } from '../../core/texts/open-text.ts';
import { calibrate, calibrated as calibratedSchema } from '../stages/importance.ts';
import { textsFolder } from '../stages/texts.ts';
import { checkpointed, keepFile } from './checkpoint.ts';
import type { WorkerClient } from '../children.ts';
import { keptFile } from './kept-file.ts';
import { notePeakMemory, reportAs, stage, type JobContext } from './context.ts';

export interface ImportanceUse {
  file: string | null;
  unseenExperts: number;
  calibration: { samples: number; tokens: number; textSha256: string } | null;
  /** Texts that were calibrated on; a quality text must be another one. */
  texts: string[];
}

/** The importance file that a recipe names, as a list of inputs. */
export function importanceInputs({ importance }: { importance: string }): string[] {
  return importance === 'on' || importance === 'off' ? [] : [importance];
}

export interface ImportanceOptions {
  model: string;
  hiddenSize: number | null;
  device: string;
  calibration: CalibrationOptions;
  /** on, off or a file. */
  importance: string;
}

/** What a recipe says of importance; off where it says on and nothing of the files would depend on it. */
export function importanceFor(
  { importance }: { importance: string },
  tensors: readonly TensorEntry[],
  files: readonly Readonly<Record<string, string>>[],
): string {
  return importance === 'on' && !files.some((types) => takesImportance(tensors, types)) ? 'off' : importance;
}

/** Importance as the recipe wants it: calibrated now, none, or the file that was named. */
export async function obtainImportance(context: JobContext, options: ImportanceOptions): Promise<ImportanceUse> {
  if (options.importance === 'off') return { file: null, unseenExperts: 0, calibration: null, texts: [] };
  if (options.importance !== 'on')
    return {
      file: options.importance,
      unseenExperts: 0,
      calibration: null,
      texts: await textsOf(context, options.importance),
    };
  const calibrated = await checkpointed(
    context,
    { name: 'importance', inputs: options, schema: calibratedSchema, holds: ({ file }) => isThere(file) },
    async () => {
      const made = await calibrate(context, { ...options, output: path.join(context.scratch, 'importance.gguf') });
      return { ...made, file: await keepFile(context, made.file) };
    },
  );
  return {
    file: calibrated.file,
    unseenExperts: calibrated.unseenExperts,
    calibration: calibrated.use,
    texts: [...options.calibration.texts],
  };
}

/** The texts that an importance file names; of those that are not here it cannot be said whether they are used again. */
async function textsOf(context: JobContext, importance: string): Promise<string[]> {
  const file = await openImportance(importance);
  await file.close();
  const isHere = await Promise.all(
    file.datasets.map((name) =>
      openText(name, textsFolder(context)).then(
        () => true,
        () => false,
      ),
    ),
  );
  const absent = file.datasets.filter((_name, index) => !isHere[index]);
  if (absent.length > 0) {
    context.warnings.push(
      `The importance was made from ${absent.join(', ')}, which is not here: that the quality text is another one could not be checked.`,
    );
  }
  return file.datasets.filter((_name, index) => isHere[index]);
}

const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

export interface MakeOptions {
  source: string;
  output: string;
  types: Readonly<Record<string, string>>;
  fileType: number | null;
  importance: string | null;
  detail?: string;
}

export async function makeFile(
  context: JobContext,
  { detail, types, ...options }: MakeOptions,
): Promise<Omit<Awaited<ReturnType<WorkerClient['quantize']>>, 'seconds' | 'peakMemoryBytes'>> {
  return stage(context, 'quantize', async () => {
    const { source, importance, fileType } = options;
    const files = importance === null ? [] : [importance];
    const kept = await keptFile(context, { source, files, inputs: { types, fileType } });
    const made = await context.worker((client) =>
      client.quantize(
        { ...options, types: { ...types }, kept, threads: context.threads },
        { signal: context.signal, onProgress: reportAs(context, 'quantize', detail) },
      ),
    );
    notePeakMemory(context, made.peakMemoryBytes);
    return made;
  });
}

/** Types per number of tensors, for results. */
export function countTypes(types: Readonly<Record<string, string>>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const type of Object.values(types)) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}
