// llama.cpp's server: nothing is placed; the answer is the command that runs the file where it lies, with the context, cache
// type and layers that it was fitted for (llama.cpp, tools/server/README.md).
import path from 'node:path';
import { serverArguments } from '../../core/planning/command.ts';
import { fittedRun, type ExportedModel } from './exported-model.ts';
import { findProgram, programFolders } from './places.ts';
import { versionOf } from './program.ts';
import { commandLine } from './quote.ts';
import type { Runner } from './runner.ts';

/** Tokens for a model that was not fitted to a context; of its own it may have far more than memory holds. */
const usualContext = 4096;

export const llamaServer: Runner = {
  id: 'llama-server',
  name: 'llama-server',
  placement: 'run where it lies; nothing is placed',
  async find(places, at) {
    const looked = at === null ? programFolders(places) : [at, path.join(at, 'build/bin')];
    const program = await findProgram(places, ['llama-server'], looked);
    return { found: program !== null, program, folder: null, looked };
  },
  version: async ({ program }, places) => (program === null ? null : versionOf(program, places, /version: (\S+)/)),
  async plan(model, { program }, { places }) {
    const [, ...options] = argumentsOf(model);
    return {
      links: [],
      texts: [],
      next: commandLine([program ?? 'llama-server', ...options], places.platform),
      notes:
        program === null
          ? ['llama-server was not found here: github.com/ggml-org/llama.cpp/releases has it for every system.']
          : [],
    };
  },
};

function argumentsOf(model: ExportedModel): string[] {
  const fitted = fittedRun(model);
  if (fitted) return serverArguments(fitted.plan, fitted.asked, model.file);
  const architecture = model.metadata!.string('general.architecture');
  const context = Math.min(usualContext, model.metadata!.integer(`${architecture}.context_length`, usualContext));
  return ['llama-server', '--model', model.file, '--ctx-size', String(context)];
}
