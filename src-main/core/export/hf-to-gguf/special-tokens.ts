// Ids of BOS, EOS and the like, and which of them are added to every text. Source: llama.cpp v0.4.0,
// gguf-py/gguf/vocab.py (SpecialVocab): the post-processor of tokenizer.json, tokenizer_config.json, then config.json.
import { join } from 'node:path';
import { z } from 'zod';
import { isJsonObject, type JsonObject } from '../../formats/json-object.ts';
import { contentOf } from './added-tokens.ts';
import { checked, type ModelFolder } from './model-folder.ts';

export interface SpecialTokens {
  /** By role: bos, eos, unk, sep, pad, mask, eot, eom. */
  ids: Map<string, number>;
  /** By role: bos, eos, sep. */
  added: Map<string, boolean>;
  lowercases: boolean | null;
  stripsAccents: boolean | null;
}

const templatePart = z.looseObject({
  SpecialToken: z.looseObject({ id: z.string() }).optional(),
  Sequence: z.looseObject({ id: z.string() }).optional(),
});
type TemplatePart = z.infer<typeof templatePart>;

const processor = z.looseObject({
  type: z.string(),
  single: z.array(templatePart).nullish(),
  pair: z.array(templatePart).nullish(),
  cls: z.tuple([z.string()], z.unknown()).nullish(),
  sep: z.tuple([z.string()], z.unknown()).nullish(),
  get processors() {
    return z.array(processor).nullish();
  },
});
type Processor = z.infer<typeof processor>;

const normalizer = z.looseObject({
  type: z.string(),
  lowercase: z.boolean().nullish(),
  strip_accents: z.boolean().nullish(),
  get normalizers() {
    return z.array(normalizer).nullish();
  },
});

const jsonParts = z.looseObject({
  added_tokens: z.array(z.looseObject({ id: z.number(), content: z.string() })).nullish(),
  post_processor: processor.nullish(),
  normalizer: normalizer.nullish(),
});

const roles = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'];

/** `size`: ids from there on are passed over; null = the vocabulary does not say. @throws FILE_MALFORMED */
export function readSpecialTokens(folder: ModelFolder, configJson: JsonObject, size: number | null): SpecialTokens {
  const json = checked(join(folder.path, 'tokenizer.json'), folder.tokenizerJson ?? {}, jsonParts);
  const found = new SpecialTokenReader(folder, size);
  found.readNormalizer(json.normalizer);
  const { post_processor: top } = json;
  if (folder.tokenizerJson) for (const step of top?.processors ?? (top ? [top] : [])) found.readProcessor(step);
  found.readTokenizerConfig(json.added_tokens ?? []);
  found.readConfig(configJson);
  return found;
}

class SpecialTokenReader implements SpecialTokens {
  readonly ids = new Map<string, number>();
  readonly added = new Map<string, boolean>();
  lowercases: boolean | null = null;
  stripsAccents: boolean | null = null;
  readonly #folder: ModelFolder;
  readonly #size: number | null;
  readonly #roles = [...roles];
  /** Texts by role, as tokenizer_config.json and the post-processor give them. */
  readonly #texts = new Map<string, string>();

  constructor(folder: ModelFolder, size: number | null) {
    this.#folder = folder;
    this.#size = size;
    for (const role of roles) {
      const text = contentOf(folder.tokenizerConfig?.[`${role}_token`]);
      if (text !== null && text !== '') this.#texts.set(role, text);
    }
    // A classifier's tokens stand in for the missing ones.
    if (folder.tokenizerJson) {
      this.#fallBack('bos', this.#texts.get('cls'));
      this.#fallBack('eos', this.#texts.get('sep'));
    }
  }

  #fallBack(role: string, text: string | undefined): void {
    if (text !== undefined && !this.#texts.has(role)) this.#texts.set(role, text);
  }

  readNormalizer(step: z.infer<typeof normalizer> | null | undefined): void {
    if (!step) return;
    if (step.type === 'Lowercase') this.lowercases = true;
    if (step.type === 'StripAccents') this.stripsAccents = true;
    if (step.type === 'BertNormalizer') {
      this.lowercases = step.lowercase ?? this.lowercases;
      this.stripsAccents = step.strip_accents ?? this.stripsAccents;
    }
    for (const inner of step.normalizers ?? []) this.readNormalizer(inner);
  }

  readProcessor(step: Processor): void {
    if (step.type === 'RobertaProcessing') {
      for (const role of ['bos', 'eos', 'sep']) this.added.set(role, true);
      this.#fallBack('cls', step.cls?.[0]);
      this.#fallBack('sep', step.sep?.[0]);
    }
    if (step.type !== 'TemplateProcessing') return;
    const single = step.single ?? [];
    const first = single.length > 1 ? single[0]!.SpecialToken?.id : undefined;
    const last = single.length > 1 ? single.at(-1)!.SpecialToken?.id : undefined;
    if (first !== undefined) this.#readFirst(first);
    if (last !== undefined) this.#readLast(last);
    this.#readPair(step.pair ?? [], first, last);
  }

  #readFirst(text: string): void {
    this.#fallBack('bos', text);
    this.#fallBack('cls', text);
    this.added.set('bos', text === this.#texts.get('bos') || text === this.#texts.get('cls'));
  }

  /** A model that ends texts with another token than EOS: its EOS ends turns. */
  #readLast(text: string): void {
    const eos = this.#texts.get('eos');
    if (eos !== undefined && text !== eos) {
      const role = ['eot', 'eom'].find((free) => !this.#roles.includes(free));
      if (role !== undefined) {
        this.#roles.push(role);
        this.#texts.set(role, eos);
      }
    }
    this.#texts.set('eos', text);
    this.added.set('eos', true);
  }

  /** A [sep] [eos] B */
  #readPair(pair: readonly TemplatePart[], first: string | undefined, last: string | undefined): void {
    const start = first !== undefined && pair[0]?.SpecialToken?.id === first ? 1 : 0;
    const end = last !== undefined && pair.at(-1)?.SpecialToken?.id === last ? -1 : pair.length;
    const inner = pair.slice(start, end);
    if (inner[0]?.Sequence?.id !== 'A' || inner.at(-1)?.Sequence?.id !== 'B') return;
    const between = inner.slice(1, -1).map((part) => part.SpecialToken?.id);
    if (between.length === 0) return;
    const isSeparator = (text: string | undefined): boolean =>
      text !== undefined && (text === this.#texts.get('sep') || text === this.#texts.get('eos'));
    const adds = (isSeparator(between[0]) && last === undefined) || (between.length === 2 && isSeparator(between[1]));
    this.added.set('sep', adds);
    if (adds) this.#fallBack('sep', this.#texts.get('eos'));
  }

  readTokenizerConfig(tokens: readonly { id: number; content: string }[]): void {
    const config = this.#folder.tokenizerConfig;
    if (!config) return;
    for (const role of this.#roles) {
      const isAdded = config[`add_${role}_token`];
      if (typeof isAdded === 'boolean') this.added.set(role, isAdded);
      const text = this.#texts.get(role);
      this.#setId(role, tokens.find(({ content }) => content === text)?.id);
    }
  }

  readConfig(config: JsonObject): void {
    const nested = isJsonObject(config['text_config']) ? config['text_config'] : {};
    for (const role of this.#roles) this.#setId(role, config[`${role}_token_id`] ?? nested[`${role}_token_id`]);
  }

  #setId(role: string, id: unknown): void {
    // A list names several ends of a turn, and -1 means none: neither is an id.
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0) return;
    if (!this.ids.has(role) && (this.#size === null || id < this.#size)) this.ids.set(role, id);
  }
}
