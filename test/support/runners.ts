// An engine on a machine of its own: an empty home, an environment, a model; and programs that stand for other people's.
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { HandlerContext } from '../../src-main/contract/define-api.ts';
import { AppError } from '../../src-main/contract/errors.ts';
import type { Progress } from '../../src-main/contract/progress.ts';
import {
  exportRequest,
  undoRequest,
  type ExportResult,
  type RunnerList,
  type UndoResult,
} from '../../src-main/contract/runners.ts';
import type { Places } from '../../src-main/engine/runners/places.ts';
import { sampleModel } from './paths.ts';
import { startEngine, temporaryFolder } from './engine.ts';

export interface Machine {
  places: Places;
  /** Snug's user data. */
  data: string;
  /** A copy of the sample, on the disk of the home. */
  model: string;
  list(): Promise<RunnerList['runners']>;
  export(request: object, context?: Partial<HandlerContext<Progress>>): Promise<ExportResult>;
  undo(request: object): Promise<UndoResult>;
  /** The error of an export that was expected to fail. */
  refused(request: object, context?: Partial<HandlerContext<Progress>>): Promise<AppError>;
}

export function emptyPlaces(platform: NodeJS.Platform = 'linux'): Places {
  const root = temporaryFolder();
  const home = path.join(root, 'home/kim');
  mkdirSync(home, { recursive: true });
  return { platform, home, root, environment: { PATH: path.join(root, 'bin') } };
}

/** `data` with a catalog that was made before the engine starts. */
export async function startMachine(places = emptyPlaces(), data = temporaryFolder()): Promise<Machine> {
  const { call } = await startEngine({ home: data, places });
  const model = path.join(places.home, 'a model.gguf');
  copyFileSync(sampleModel, model);
  const context = (given: Partial<HandlerContext<Progress>> = {}): never =>
    ({ signal: new AbortController().signal, progress: () => {}, ...given }) as never;
  const run = async (request: object, given?: Partial<HandlerContext<Progress>>): Promise<ExportResult> =>
    call['runners.export'](exportRequest.parse({ source: { file: model }, ...request }), context(given));
  return {
    ...{ places, data, model },
    list: async () => (await call['runners.list']({}, context())).runners,
    export: run,
    undo: async (request) =>
      call['runners.undo'](undoRequest.parse({ source: { file: model }, ...request }), context()),
    refused: (request, given) =>
      run(request, given).then(
        (result) => {
          throw new Error(`expected a refusal: ${JSON.stringify(result)}`);
        },
        (error: unknown) => AppError.from(error),
      ),
  };
}

/** A program in a folder of PATH, as a shell script. */
export function program(places: Places, name: string, script: string): string {
  const file = path.join(places.root, 'bin', name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** Every file and link below a folder, sorted; empty where it is not there. */
export const filesBelow = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
        .toSorted()
    : [];

export const textOf = (...parts: string[]): string => readFileSync(path.join(...parts), 'utf8');
