// The engine's answers about runners.
import path from 'node:path';
import type { HandlersOf } from '../../contract/define-api.ts';
import type { EngineApi } from '../../contract/engine-api.ts';
import { AppError } from '../../contract/errors.ts';
import type { ExportRequest, ExportTarget, FoundRunner } from '../../contract/runners.ts';
import { Catalog } from '../catalog/catalog.ts';
import { exportedPaths, nameOf, openExported, type ExportedModel } from './exported-model.ts';
import { place } from './placing.ts';
import type { Places } from './places.ts';
import { planFolder } from './plain-folder.ts';
import { runners } from './registry.ts';
import type { ExportContext, PlacementPlan, Runner } from './runner.ts';
import { undoInstall } from './undo.ts';

type RunnerMethod = Extract<keyof EngineApi['methods'], `runners.${string}`>;

interface RunnerParts {
  /** The catalog, or why there is none. */
  opened: Catalog | AppError;
  home: string;
  places: Places;
}

export function runnerHandlers({ opened, home, places }: RunnerParts): Pick<HandlersOf<EngineApi>, RunnerMethod> {
  const catalog = (): Catalog => {
    if (opened instanceof Catalog) return opened;
    const message = `Nothing is exported without a history, which an undo goes by: ${opened.message}`;
    throw new AppError(opened.code, message, opened.details, opened);
  };
  return {
    'runners.list': async () => ({
      runners: await Promise.all(Object.values(runners).map((one) => look(one, places))),
    }),
    'runners.export': async (request, { signal, progress }) => {
      const { installs } = catalog();
      const model = await openExported(request.source, catalog());
      const name = nameFor(request, model);
      const context: ExportContext = { places, home, installs, link: request.link, name, signal, progress };
      const plan = await planFor(request, model, context);
      const placed = await place(plan, context);
      const target = targetName(request.to);
      const made = placed.filter(({ already }) => !already);
      if (made.length > 0)
        installs.add({ run: model.run && knownRun(catalog(), model.run), file: model.file, target, files: made });
      const shown = placed.flatMap(({ path: at, how, bytes }) => (how === 'folder' ? [] : [{ path: at, how, bytes }]));
      return { target, run: model.run, placed: shown, already: made.length === 0, next: plan.next, notes: plan.notes };
    },
    'runners.undo': async ({ source, to }, { signal }) => {
      const { installs } = catalog();
      const target = to && targetName(to);
      const found = exportedPaths(source, catalog()).flatMap((file) => installs.placed(file, target));
      if (found.length === 0) {
        const what = 'run' in source ? `run ${source.run}` : source.file;
        const where = target === null ? 'anywhere' : `in ${target}`;
        throw new AppError('USAGE', `No export of ${what} is placed ${where}: there is nothing to undo.`, {
          source,
          to,
        });
      }
      const undone = [];
      for (const install of found) undone.push(await undoInstall(install, { installs, places, signal }));
      return { undone };
    },
  };
}

/** A record beside a file may come from another machine's history. */
function knownRun({ experiments }: Catalog, run: string): string | null {
  return experiments.get(run) ? run : null;
}

const targetName = (to: ExportTarget): string => ('runner' in to ? to.runner : path.resolve(to.folder));

async function look(runner: Runner, places: Places): Promise<FoundRunner> {
  const finding = await runner.find(places, null);
  const version = (finding.found && (await runner.version?.(finding, places))) || null;
  return { runner: runner.id, name: runner.name, ...finding, version, placement: runner.placement };
}

function nameFor({ name, to }: ExportRequest, model: ExportedModel): string {
  if (name === null) return model.name;
  if ('folder' in to)
    throw new AppError('USAGE', '--name is for runners: in a folder a model keeps its name.', { name });
  if (nameOf(name) === name) return name;
  const message = `"${name}" is no name for a model in a runner: letters, digits, ".", "_" and "-", a letter or digit first and last.`;
  throw new AppError('USAGE', message, { name });
}

async function planFor(
  { to, at }: ExportRequest,
  model: ExportedModel,
  context: ExportContext,
): Promise<PlacementPlan> {
  if ('folder' in to) return planFolder(model, path.resolve(to.folder));
  const runner = runners[to.runner];
  if (model.form !== 'gguf') throw notGguf(model, runner);
  const finding = await runner.find(context.places, at);
  // Its command is an answer without it, too.
  if (finding.found || runner.id === 'llama-server') return runner.plan(model, finding, context);
  const looked = finding.looked.join(', ');
  const message = `${runner.name} was not found here; it was looked for in ${looked}. Name its folder with --at, or export to a folder.`;
  throw new AppError('RUNNER_NOT_FOUND', message, { runner: runner.id, looked: finding.looked });
}

function notGguf({ file, form }: ExportedModel, { id, name }: Runner): AppError {
  const what = form === 'onnx' ? 'an ONNX model' : 'a folder of safetensors';
  const message = `${file} is ${what}, and ${name} runs GGUF files: make one of the model first (snug quantize, or slice with an output that ends in .gguf), or export it to a folder.`;
  return new AppError('USAGE', message, { file, runner: id });
}
