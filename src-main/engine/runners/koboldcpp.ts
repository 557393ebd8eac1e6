// KoboldCpp: one program without a models folder; it runs any file it is given (github.com/LostRuins/koboldcpp/wiki). Where
// it lies in a folder of its own, the model is linked into that, so that its file dialog finds it. Options: koboldcpp.py.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { KvType } from '../../contract/llama-host-api.ts';
import { fittedRun, type ExportedModel } from './exported-model.ts';
import { linksInto, textsInto } from './model-folder.ts';
import { findProgram, isFolder, programFolders, type Places } from './places.ts';
import { versionOf } from './program.ts';
import { commandLine } from './quote.ts';
import type { Runner } from './runner.ts';

/** Names of its releases' files (github.com/LostRuins/koboldcpp/releases), without `.exe`. */
const programs = [
  'koboldcpp',
  ...['linux-x64', 'linux-x64-nocuda', 'linux-x64-oldpc', 'mac-arm64', 'nocuda', 'oldpc'].map(
    (kind) => `koboldcpp-${kind}`,
  ),
];
/** As koboldcpp.py takes them: of --quantkv, 0 is F16, 1 Q8_0 and 2 Q4_0, which needs --flashattention. */
const quantKv: Partial<Record<KvType, string>> = { q8_0: '1', q4_0: '2' };

export const koboldCpp: Runner = {
  id: 'koboldcpp',
  name: 'KoboldCpp',
  placement: 'run where it lies; linked into models beside the program where that has a folder of its own',
  async find(places, at) {
    const looked = at === null ? [...(await ownFolders(places)), ...programFolders(places)] : [at];
    const program = await findProgram(places, programs, looked);
    const home = program === null ? null : path.dirname(program);
    const isOwn = home !== null && (at !== null || isNamed(home));
    return { found: program !== null, program, folder: isOwn ? path.join(home, 'models') : null, looked };
  },
  version: async ({ program }, places) =>
    program === null ? null : versionOf(program, places, /^v?(\d+\.\d[\w.]*)\s*$/m),
  async plan(model, { program, folder }, { places, name }) {
    const own = folder === null ? null : path.join(folder, name);
    const links = own === null ? [] : linksInto(model, own);
    const file = links[0]?.to ?? model.file;
    return {
      links,
      texts: own === null ? [] : textsInto(model, own),
      next: commandLine([program!, '--model', file, ...optionsOf(model)], places.platform),
      notes: [],
    };
  },
};

function optionsOf(model: ExportedModel): string[] {
  const fitted = fittedRun(model);
  if (!fitted) return [];
  const { context, kvType } = fitted.settings;
  const quantized = quantKv[kvType];
  return ['--contextsize', String(context), ...(quantized ? ['--flashattention', '--quantkv', quantized] : [])];
}

const isNamed = (folder: string): boolean => /^kobold/i.test(path.basename(folder));

/** Folders named after it where people unpack programs. */
async function ownFolders({ home }: Places): Promise<string[]> {
  const found: string[] = [];
  for (const parent of [
    home,
    ...['Downloads', 'Desktop', 'Documents', 'Applications'].map((name) => path.join(home, name)),
  ]) {
    const names = (await isFolder(parent)) ? await readdir(parent).catch(() => []) : [];
    const own = names.filter((name) => isNamed(name)).map((name) => path.join(parent, name));
    for (const folder of own) if (await isFolder(folder)) found.push(folder);
    found.push(parent);
  }
  return found;
}
