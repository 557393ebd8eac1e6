// Which file answers on each side: the original of a run and what the run made, and by which engine. No second copy of an
// original is ever written for a question.
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import type { ExperimentDetail } from '../../contract/history.ts';
import { isHubAddress } from '../../contract/hub-address.ts';
import { hubModels } from '../../contract/hub-model.ts';
import { formatFileSize } from '../../contract/units.ts';
import { isOnnxFile } from '../../core/formats/model-source.ts';
import type { History } from '../catalog/history.ts';

export type SideName = 'original' | 'compressed';

export type Answering =
  | { engine: 'llama.cpp'; file: string }
  /** By our own graphs, whose text comes from `tokenizer`; null: the model's own. `bytes` of the model. */
  | { engine: 'onnx'; file: string; tokenizer: string | null; bytes: number };

/** What the compressed side may write into the scratch folder to become ONNX; it is gone after the answer. */
const mostScratchBytes = 4e9;
/** Types of a GGUF that stands for the original: from these on nothing that matters is lost. */
const faithfulTypes = ['F32', 'BF16', 'F16', 'Q8_0'];

export async function answeringOf(
  detail: ExperimentDetail,
  history: Pick<History, 'list'>,
): Promise<Record<SideName, Answering | AppError>> {
  const original = await orError(() => originalOf(detail, history));
  return { original, compressed: await orError(() => compressedOf(detail)) };
}

const orError = <T>(find: () => Promise<T>): Promise<T | AppError> =>
  find().catch((error: unknown) => AppError.from(error));

async function originalOf(detail: ExperimentDetail, history: Pick<History, 'list'>): Promise<Answering> {
  const file = pathOf(detail);
  if (!(await stat(file)).isDirectory()) return { engine: 'llama.cpp', file };
  const gguf = (await ggufIn(file)) ?? (await madeGgufOf(detail.model, history));
  if (gguf !== null) return { engine: 'llama.cpp', file: gguf };
  const size = formatFileSize(await bytesOf(file));
  const message = `${file} is a folder of safetensors, which llama.cpp does not read, and Snug writes no second copy of ${size} for a question. Make a GGUF of it once, with snug quantize ${file} --type F16 --output FILE.gguf: it is found here then.`;
  throw new AppError('USAGE', message, { path: file });
}

/** The model of the run on this machine. @throws FILE_NOT_FOUND */
function pathOf({ model, result }: ExperimentDetail): string {
  if (!isHubAddress(model)) return model;
  const used = z.object(hubModels).safeParse(result).data?.hub;
  const found = used?.find(({ address }) => address === model)?.path ?? null;
  if (found === null) throw new AppError('FILE_NOT_FOUND', `${model} is not on this machine.`, { model });
  return found;
}

/** A folder may have its GGUF beside the safetensors; of several, none is the one. */
async function ggufIn(folder: string): Promise<string | null> {
  const files = (await readdir(folder)).filter((name) => /\.gguf$/i.test(name));
  return files.length === 1 ? path.join(folder, files[0]!) : null;
}

/** What a run made of the same model without loss that matters, the most exact first. */
async function madeGgufOf(model: string, history: Pick<History, 'list'>): Promise<string | null> {
  const filter = { verb: 'quantize', state: 'done', tag: null, search: model, withoutPlans: true } as const;
  const { experiments } = history.list({ ...filter, sort: 'created', descending: true, limit: 1000, offset: 0 });
  for (const type of faithfulTypes) {
    for (const run of experiments) {
      if (run.model !== model || run.recipe['type'] !== type) continue;
      const file = run.artifacts.find(({ present }) => present)?.path;
      if (file !== undefined) return file;
    }
  }
  return null;
}

async function compressedOf(detail: ExperimentDetail): Promise<Answering> {
  const file = detail.artifacts.find(({ present }) => present)?.path;
  if (file === undefined) {
    const why = detail.artifacts.length === 0 ? 'made no file' : 'made a file that is gone';
    throw new AppError('FILE_NOT_FOUND', `The run ${detail.run} ${why}: there is nothing to ask.`, { run: detail.run });
  }
  if (/\.gguf$/i.test(file)) return { engine: 'llama.cpp', file };
  const bytes = await bytesOf(file);
  if (isOnnxFile(file)) return { engine: 'onnx', file, tokenizer: pathOf(detail), bytes };
  if (bytes <= mostScratchBytes) return { engine: 'onnx', file, tokenizer: null, bytes };
  const message = `${file} answers through its ONNX form, which would take ${formatFileSize(bytes)} more for the time of a question. Make the model as FILE.onnx (snug slice with an output that ends in .onnx), and ask that.`;
  throw new AppError('USAGE', message, { path: file, bytes });
}

async function bytesOf(file: string): Promise<number> {
  const found = await stat(file);
  if (!found.isDirectory()) {
    const data = await stat(`${file}.data`).catch(() => null); // weights of a large ONNX file (docs/onnx.md)
    return found.size + (data?.size ?? 0);
  }
  const sizes = await Promise.all(
    (await readdir(file)).map(async (name) => {
      const { size } = await stat(path.join(file, name));
      return /\.(safetensors|bin)$/i.test(name) ? size : 0;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
