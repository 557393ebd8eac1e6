// GGUF headers of files that do not exist yet: exact sizes, and what llama.cpp reads to tell their memory.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { SliceStep } from '../../contract/plan.ts';
import type { GgufModel } from '../../core/formats/gguf-reader.ts';
import type { GgufLayout } from '../../core/formats/gguf-writer.ts';
import type { TensorEntry } from '../../core/formats/tensor.ts';
import { quantizedLayout } from '../../core/quantization/quantized-layout.ts';
import type { Candidate } from '../../core/planning/candidates.ts';

export interface PlannedFile {
  candidate: Candidate;
  /** The slice that comes before the types; null for none. */
  slice: SliceStep | null;
  /** What the types are given to: of the source, or of its sliced form in floating point. */
  tensors: readonly TensorEntry[];
  layout: GgufLayout;
  fileBytes: number;
}

/** Layout of the file that giving the tensors of `source`, a model or the header of a sliced one, the candidate's types will write. */
export function plannedFile(source: GgufModel, candidate: Candidate, slice: SliceStep | null = null): PlannedFile {
  const layout = quantizedLayout(source, candidate.types, candidate.fileType);
  const isSource = candidate.type === null && slice === null;
  return {
    candidate,
    slice,
    tensors: source.tensors,
    layout,
    fileBytes: isSource ? source.fileBytes : layout.fileBytes,
  };
}

/** Whether the plan writes a file of its own. */
export const makesFile = ({ candidate, slice }: PlannedFile): boolean => candidate.type !== null || slice !== null;

/** Writes the header alone and returns its path. */
export async function writeHeader(file: PlannedFile, folder: string): Promise<string> {
  const header = path.join(folder, `header-${file.candidate.id}.gguf`);
  await writeFile(header, file.layout.header);
  return header;
}
