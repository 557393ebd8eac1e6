// GGUF headers of files that do not exist yet: exact sizes, and what llama.cpp reads to tell their memory.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { GgufModel } from '../../core/formats/gguf-reader.ts';
import type { GgufLayout } from '../../core/formats/gguf-writer.ts';
import { quantizedLayout } from '../../core/quantization/quantized-layout.ts';
import type { Candidate } from '../../core/planning/candidates.ts';

export interface PlannedFile {
  candidate: Candidate;
  layout: GgufLayout;
  fileBytes: number;
}

/** Layout of the file that quantising `source` to the candidate's types will write. */
export function plannedFile(source: GgufModel, candidate: Candidate): PlannedFile {
  const layout = quantizedLayout(source, candidate.types, candidate.fileType);
  return { candidate, layout, fileBytes: candidate.type === null ? source.fileBytes : layout.fileBytes };
}

/** Writes the header alone and returns its path. */
export async function writeHeader(file: PlannedFile, folder: string): Promise<string> {
  const header = path.join(folder, `header-${file.candidate.id}.gguf`);
  await writeFile(header, file.layout.header);
  return header;
}
