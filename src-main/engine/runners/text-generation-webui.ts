// text-generation-webui (TextGen): GGUF files lie in user_data/models, in folders too (README, "Downloading models";
// modules/utils.py lists them with their folders); before April 2025 in models. It is unpacked anywhere, so it is looked for
// by name where people unpack programs. `--portable` and the application have user_data beside or above the code
// (modules/paths.py).
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { linksInto, textsInto } from './model-folder.ts';
import { isFolder, type Places } from './places.ts';
import type { Runner } from './runner.ts';

const named = /^(text-generation-webui|textgen)/i;

export const textGenerationWebui: Runner = {
  id: 'text-generation-webui',
  name: 'text-generation-webui',
  placement: 'linked into a folder of its own in user_data/models',
  async find(places, at) {
    const parents = ['', 'Downloads', 'Desktop', 'Documents'].map((name) => path.join(places.home, name));
    const folders = at === null ? await namedIn(parents) : [at];
    for (const home of folders) {
      const folder = await modelsOf(home);
      if (folder !== null) return { found: true, program: null, folder, looked: folders };
    }
    const looked = at === null ? parents.map((parent) => path.join(parent, 'text-generation-webui*, textgen*')) : [at];
    return { found: false, program: null, folder: null, looked };
  },
  async plan(model, { folder }, { name }) {
    const own = path.join(folder!, name);
    return {
      links: linksInto(model, own),
      texts: textsInto(model, own),
      next: `Choose ${name}/${model.files[0]!.name} in the Model tab.`,
      notes: [],
    };
  },
};

async function namedIn(parents: readonly Places['home'][]): Promise<string[]> {
  const lists = parents.map(async (parent) => {
    const names = await readdir(parent).catch(() => []);
    return names.filter((name) => named.test(name)).map((name) => path.join(parent, name));
  });
  return (await Promise.all(lists)).flat();
}

/** The models folder of what is unpacked in `home`; null where it is something else. */
async function modelsOf(home: string): Promise<string | null> {
  const current = path.join(home, 'user_data/models');
  if (await isFolder(current)) return current;
  const older = path.join(home, 'models');
  const isProject = (await readdir(home).catch((): string[] => [])).includes('server.py');
  return isProject && (await isFolder(older)) ? older : null;
}
