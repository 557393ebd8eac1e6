// The model that is exported, from a run of the history or a path: its files, its name, and the record of how it was made.
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import { kvType } from '../../contract/llama-host-api.ts';
import { plan as planSchema, type Plan } from '../../contract/plan.ts';
import type { ExportSource } from '../../contract/runners.ts';
import { memoryTarget } from '../../contract/target.ts';
import { openGguf } from '../../core/formats/gguf-reader.ts';
import type { GgufMetadata } from '../../core/formats/gguf-values.ts';
import { runOf, type RunSettings } from '../../core/planning/command.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { readRecord, recordPath, type RunRecord } from '../library/run-records.ts';

export interface ModelFile {
  /** Where its bytes lie, links followed. */
  path: string;
  /** Below the target; of a folder's file with the folders inside it. */
  name: string;
  bytes: number;
}

export interface ExportedModel {
  run: string | null;
  /** The file, the first of a split one, or the folder. */
  file: string;
  form: 'gguf' | 'onnx' | 'folder';
  files: ModelFile[];
  bytes: number;
  /** Of a single file, where the record says it. */
  sha256: string | null;
  /** Without ending and shard number, of characters that every system and runner takes. */
  name: string;
  /** Of a GGUF. */
  metadata: GgufMetadata | null;
  record: RunRecord | null;
}

/** @throws USAGE for a run that made no model, FILE_NOT_FOUND where it is gone, FILE_MALFORMED */
export async function openExported(source: ExportSource, catalog: Catalog): Promise<ExportedModel> {
  if ('file' in source) return modelAt(source.file, await recordOf(source.file), null);
  const detail = catalog.history.detail(source.run);
  const file = artifactOf(detail);
  const kept: RunRecord = {
    run: detail.run,
    recipe: { ...detail.recipe, verb: detail.verb, model: detail.model },
    created: detail.created,
    finished: detail.finished ?? detail.created,
    versions: detail.versions,
    result: detail.result,
  };
  return modelAt(file, kept, detail.run);
}

/** Paths of the model, also of a run whose file is gone: what an undo goes by. @throws USAGE */
export function exportedPaths(source: ExportSource, catalog: Catalog): string[] {
  // The first file of a split one stands for all of it, as in modelAt.
  if ('file' in source) return [source.file.replace(/-\d{5}(-of-\d{5}\.gguf)$/, '-00001$1')];
  return catalog.history.get(source.run).artifacts.map((artifact) => artifact.path);
}

function artifactOf({ run, verb, artifacts }: ReturnType<Catalog['history']['detail']>): string {
  const file = artifacts.find(({ present }) => present)?.path;
  if (verb === 'calibrate' || verb === 'study')
    throw new AppError('USAGE', `Run ${run} is a ${verb}: it made no model that could be exported.`, { run });
  if (file !== undefined) return file;
  const nothing = `There is nothing to export of run ${run}`;
  const gone = artifacts[0]?.path;
  if (gone === undefined) throw new AppError('USAGE', `${nothing}: it made no file.`, { run });
  throw new AppError('FILE_NOT_FOUND', `${nothing}: ${gone} is gone.`, { run, path: gone });
}

const recordOf = (file: string): Promise<RunRecord | null> => readRecord(recordPath(file)).catch(() => null);

async function modelAt(file: string, record: RunRecord | null, run: string | null): Promise<ExportedModel> {
  const found = await stat(file);
  if (found.isDirectory()) return folderModel(file, record, run);
  if (/\.onnx$/i.test(file)) return onnxModel(file, record, run);
  const { metadata, paths } = await readGguf(file);
  if (metadata.string('general.type', 'model') !== 'model') {
    const type = metadata.string('general.type');
    throw new AppError('USAGE', `${file} is no model but a GGUF of type "${type}": a runner cannot use it.`, { file });
  }
  const files = await Promise.all(paths.map((one) => modelFile(one, path.basename(one))));
  const bytes = total(files);
  const { fileBytes = bytes, sha256 = null } = madeFile.safeParse(record?.result).data ?? {};
  const isOther = fileBytes !== bytes;
  if (isOther && run !== null) {
    const message = `${file} has ${bytes} bytes, and what run ${run} made had ${fileBytes}: it is another file by now. Export it by its path.`;
    throw new AppError('USAGE', message, { file, bytes, fileBytes });
  }
  // A record of another file says nothing of this one.
  const own = isOther ? null : record;
  return {
    ...{ run: run ?? own?.run ?? null, file: paths[0]!, form: 'gguf', files, bytes, metadata, record: own },
    ...{ sha256: own && files.length === 1 ? sha256 : null, name: safeName(paths[0]!) },
  };
}

/** What a result says of the file that was made. */
const madeFile = z.object({ fileBytes: z.number(), sha256: z.string() }).partial();

async function readGguf(file: string): Promise<{ metadata: GgufMetadata; paths: string[] }> {
  const gguf = await openGguf(file);
  try {
    return { metadata: gguf.metadata, paths: gguf.shards.map(({ name }) => name) };
  } finally {
    await gguf.close();
  }
}

async function folderModel(folder: string, record: RunRecord | null, run: string | null): Promise<ExportedModel> {
  const names = await readdir(folder, { recursive: true });
  if (!names.includes('config.json')) {
    const message = `${folder} is no model: a folder has config.json and safetensors. Name a .gguf file or such a folder.`;
    throw new AppError('USAGE', message, { path: folder });
  }
  const files: ModelFile[] = [];
  for (const name of names.toSorted()) {
    const one = path.join(folder, name);
    if ((await stat(one)).isFile()) files.push(await modelFile(one, name));
  }
  const bytes = total(files);
  const name = safeName(folder);
  return {
    run: run ?? record?.run ?? null,
    file: folder,
    form: 'folder',
    files,
    bytes,
    sha256: null,
    name,
    metadata: null,
    record,
  };
}

async function onnxModel(file: string, record: RunRecord | null, run: string | null): Promise<ExportedModel> {
  const files = [await modelFile(file, path.basename(file))];
  const data = `${file}.data`; // weights of a large one lie beside it (docs/onnx.md)
  if (await lstat(data).catch(() => null)) files.push(await modelFile(data, path.basename(data)));
  const name = safeName(file);
  const bytes = total(files);
  return {
    run: run ?? record?.run ?? null,
    file,
    form: 'onnx',
    files,
    bytes,
    sha256: null,
    name,
    metadata: null,
    record,
  };
}

/** A hard link to a symbolic link would be one to the link, so the file itself is taken. */
async function modelFile(file: string, name: string): Promise<ModelFile> {
  return { path: await realpath(file), name, bytes: (await stat(file)).size };
}

const total = (files: readonly ModelFile[]): number => files.reduce((sum, { bytes }) => sum + bytes, 0);

function safeName(file: string): string {
  const bare = path
    .basename(file)
    .replace(/\.(gguf|onnx)$/i, '')
    .replace(/-\d{5}-of-\d{5}$/, '');
  return nameOf(bare) || 'model';
}

/** Letters, digits, `.`, `_` and `-`, which Jan and Ollama allow at most; it begins with a letter or digit. */
export const nameOf = (text: string): string =>
  text
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .replace(/[.-]+$/, '');

/** What a fit was made for. */
export interface FittedRun {
  plan: Plan;
  asked: RunSettings;
  /** `asked` with what the plan changes. */
  settings: RunSettings;
}

const fitRecord = z.object({ plan: planSchema });
const askedSettings = memoryTarget.pick({ context: true }).extend({ kvType });

/** The plan and settings that a model was fitted for; null for a model that no fit to a memory made. */
export function fittedRun({ record }: ExportedModel): FittedRun | null {
  const made = fitRecord.safeParse(record?.result);
  const asked = askedSettings.safeParse(record?.recipe['target']);
  if (!made.success || !asked.success) return null;
  const { plan } = made.data;
  return { plan, asked: asked.data, settings: runOf(plan, asked.data) };
}
