// The question as both sides get it: in the turns of the model's chat template where llama.cpp knows it, else as it is.
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { PromptForm } from '../../contract/chat.ts';
import { openGguf } from '../../core/formats/gguf-reader.ts';
import type { Children } from '../children.ts';
import type { Answering } from './answering.ts';

export interface Prompt {
  text: string;
  form: PromptForm;
}

/** The template of the first model that has one: what was made of a model keeps its template. */
export async function promptOf(
  question: string,
  models: readonly Answering[],
  { children, signal }: { children: Pick<Children, 'llama'>; signal: AbortSignal },
): Promise<Prompt> {
  const template = await firstTemplate(models);
  if (template === null) return { text: question, form: 'no template' };
  const { prompt } = await children.llama(signal, (client) => client.chatTemplate({ template, question }, { signal }));
  return prompt === null ? { text: question, form: 'unknown template' } : { text: prompt, form: 'template' };
}

async function firstTemplate(models: readonly Answering[]): Promise<string | null> {
  const places = models.flatMap((model) => [model.file, model.engine === 'onnx' ? model.tokenizer : null]);
  for (const place of places) {
    const template = place === null ? null : await templateOf(place).catch(() => null); // without it, plain text
    if (template !== null) return template;
  }
  return null;
}

async function templateOf(model: string): Promise<string | null> {
  if ((await stat(model)).isDirectory()) return folderTemplate(model);
  if (!/\.gguf$/i.test(model)) return null;
  const gguf = await openGguf(model);
  await gguf.close();
  return gguf.metadata.string('tokenizer.chat_template', '') || null;
}

/** Of several, as for tools, the usual one (transformers, tokenization_utils_base.py). */
const tokenizerConfig = z.object({
  chat_template: z.union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))]).optional(),
});

/** `chat_template.jinja`, which newer folders have beside tokenizer_config.json, else what that says. */
async function folderTemplate(folder: string): Promise<string | null> {
  const own = await readFile(path.join(folder, 'chat_template.jinja'), 'utf8').catch(() => null);
  if (own !== null) return own;
  const text = await readFile(path.join(folder, 'tokenizer_config.json'), 'utf8');
  const { chat_template: found = null } = tokenizerConfig.parse(JSON.parse(text));
  return Array.isArray(found) ? (found.find(({ name }) => name === 'default')?.template ?? null) : found;
}
