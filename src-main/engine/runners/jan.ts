// Jan: a model is a folder with model.yml in llamacpp/models of its data folder; `model_path` is relative to the data folder
// or absolute (janhq/jan, extensions/llamacpp-extension/src/index.ts). The data folder is JAN_DATA_FOLDER, else
// `data_folder` of Jan/settings.json, else Jan/data, below JAN_DATA_ROOT or the system's data folder; on Linux older
// versions kept settings.json in ~/.config/Jan (src-tauri/src/core/app/commands.rs and paths.rs; jan.ai/docs/data-folder).
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { parsed } from './lm-studio.ts';
import { linksInto, textsInto } from './model-folder.ts';
import { dataFolder, isFolder, variable, type Places } from './places.ts';
import type { Runner } from './runner.ts';

const modelsIn = 'llamacpp/models';

export const jan: Runner = {
  id: 'jan',
  name: 'Jan',
  placement: `linked into a folder of its own in ${modelsIn} of Jan's data, with a model.yml`,
  async find(places, at) {
    const looked = at === null ? await dataFoldersOf(places) : [at];
    for (const data of looked) {
      if (await isFolder(data)) return { found: true, program: null, folder: path.join(data, modelsIn), looked };
    }
    return { found: false, program: null, folder: null, looked };
  },
  async plan(model, { folder }, { name }) {
    const own = path.join(folder!, name);
    const first = [modelsIn, name, model.files[0]!.name].join('/');
    return {
      links: linksInto(model, own),
      texts: [
        { path: path.join(own, 'model.yml'), text: modelYaml({ name, first, bytes: model.bytes }) },
        ...textsInto(model, own),
      ],
      next: `Choose ${name} in Settings > Model Providers > Llama.cpp. Where Jan runs, start it again first.`,
      notes: [],
    };
  },
};

/** JSON's strings are YAML's (yaml.org/spec/1.2.2). */
const modelYaml = ({ name, first, bytes }: { name: string; first: string; bytes: number }): string =>
  [`model_path: ${JSON.stringify(first)}`, `name: ${JSON.stringify(name)}`, `size_bytes: ${bytes}`, ''].join('\n');

async function dataFoldersOf(places: Places): Promise<string[]> {
  const named = variable(places, 'JAN_DATA_FOLDER');
  if (named !== null) return [named];
  const own = variable(places, 'JAN_DATA_ROOT');
  const root = own !== null && path.isAbsolute(own) ? own : dataFolder(places);
  const older =
    places.platform === 'linux' ? [variable(places, 'XDG_CONFIG_HOME') ?? path.join(places.home, '.config')] : [];
  const kept = [
    path.join(root, 'Jan'),
    path.join(root, 'jan.ai.app'),
    ...older.map((config) => path.join(config, 'Jan')),
  ];
  for (const folder of kept) {
    const text = await readFile(path.join(folder, 'settings.json'), 'utf8').catch(() => '');
    const settings = z.object({ data_folder: z.string().min(1) }).safeParse(parsed(text));
    if (settings.success) return [settings.data.data_folder];
  }
  return [root, ...older].map((folder) => path.join(folder, 'Jan/data'));
}
