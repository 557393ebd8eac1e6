// The chat template, or several by name. Source: llama.cpp v0.4.0, gguf-py/gguf/vocab.py (SpecialVocab) and
// gguf_writer.py (add_chat_template).
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJsonObject } from '../../formats/json-object.ts';
import { string, strings, type Entries } from './entries.ts';
import { readText, type ModelFolder } from './model-folder.ts';

const named = z.array(z.looseObject({ name: z.string().default(''), template: z.string().nullish() }));
type NamedTemplates = z.infer<typeof named>;

const moreTemplates = 'additional_chat_templates';

/** Keys of the template in tokenizer_config.json, chat_template.jinja or chat_template.json, in this order. */
export async function chatTemplateKeys(folder: ModelFolder): Promise<Entries> {
  if (folder.tokenizerConfig === null) return [];
  const template = folder.tokenizerConfig['chat_template'] ?? (await templateFile(folder));
  if (typeof template === 'string') return [['tokenizer.chat_template', string(template)]];
  const several = named.safeParse(template);
  return several.success ? namedKeys(several.data) : [];
}

async function templateFile(folder: ModelFolder): Promise<unknown> {
  const jinja = await readText(folder, 'chat_template.jinja');
  if (jinja !== null) {
    const others = folder.names.has(moreTemplates) ? await readdir(join(folder.path, moreTemplates)) : [];
    const files = others.filter((name) => name.endsWith('.jinja')).toSorted();
    if (files.length === 0) return jinja;
    const templates: NamedTemplates = [{ name: 'default', template: jinja }];
    for (const name of files) {
      templates.push({
        name: name.slice(0, -'.jinja'.length),
        template: await readText(folder, `${moreTemplates}/${name}`),
      });
    }
    return templates;
  }
  const json = await readText(folder, 'chat_template.json');
  const file = join(folder.path, 'chat_template.json');
  return json === null ? null : parseJsonObject(file, 'file', Buffer.from(json))['chat_template'];
}

function namedKeys(templates: NamedTemplates): Entries {
  const byName = new Map<string, string>();
  for (const { name, template } of templates) {
    const key = name.replace(/[^A-Za-z0-9]/g, '_');
    if (key !== '' && typeof template === 'string') byName.set(key, template);
  }
  const main = byName.get('default') ?? null;
  byName.delete('default');
  return [
    ...[...byName].map(([name, template]) => [`tokenizer.chat_template.${name}`, string(template)] as const),
    ['tokenizer.chat_templates', byName.size > 0 ? strings(byName.keys()) : null],
    ['tokenizer.chat_template', main === null ? null : string(main)],
  ];
}
