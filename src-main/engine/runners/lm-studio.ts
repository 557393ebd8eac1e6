// LM Studio: models lie as PUBLISHER/MODEL/FILE.gguf in its models folder (lmstudio.ai/docs/app/advanced/import-model). Its
// home is what ~/.lmstudio-home-pointer names, else ~/.cache/lm-studio where that is there, else ~/.lmstudio (lmstudio-js,
// find-lmstudio-home); another models folder is `downloadsFolder` of its settings.json (lms, importCmd.ts).
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { linksInto, textsInto } from './model-folder.ts';
import { isFolder, type Places } from './places.ts';
import type { Runner } from './runner.ts';

/** The publisher under which models of Snug stand. */
const publisher = 'snug';

export const lmStudio: Runner = {
  id: 'lm-studio',
  name: 'LM Studio',
  placement: `linked into its models folder as ${publisher}/NAME`,
  async find(places, at) {
    const home = at ?? (await homeOf(places));
    const found = await isFolder(home);
    return { found, program: null, folder: found ? await modelsOf(home) : null, looked: [home] };
  },
  async plan(model, { folder }, { name }) {
    const own = path.join(folder!, publisher, name);
    return {
      links: linksInto(model, own),
      texts: textsInto(model, own),
      next: `Choose ${publisher}/${name} in My Models.`,
      notes: [],
    };
  },
};

async function homeOf({ home }: Places): Promise<string> {
  const pointer = await readFile(path.join(home, '.lmstudio-home-pointer'), 'utf8').catch(() => '');
  if (pointer.trim() !== '') return pointer.trim();
  const older = path.join(home, '.cache/lm-studio');
  return (await isFolder(older)) ? older : path.join(home, '.lmstudio');
}

async function modelsOf(home: string): Promise<string> {
  const text = await readFile(path.join(home, 'settings.json'), 'utf8').catch(() => '');
  const settings = z.object({ downloadsFolder: z.string().min(1) }).safeParse(parsed(text));
  return settings.data?.downloadsFolder ?? path.join(home, 'models');
}

/** null for what is no JSON: the program falls back to its usual folder then, and so does Snug. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
