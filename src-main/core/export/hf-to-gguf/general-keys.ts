// The general.* keys: name, licence, origin, recommended sampling. Source: llama.cpp v0.4.0, gguf-py/gguf/metadata.py
// (Metadata.load: model card, then _name_or_path, then the folder's name) and conversion/base.py (prepare_metadata).
import { basename, resolve } from 'node:path';
import type { GgufValue } from '../../formats/gguf-values.ts';
import { float32, int32, string, strings, uint32, type Entries } from './entries.ts';
import { readText, type ModelFolder } from './model-folder.ts';
import { readModelCard, type CardValue } from './model-card.ts';
import { parseModelName, sizeLabelOf, titleOf, type ModelName } from './model-name.ts';

type Card = ReadonlyMap<string, CardValue>;

/** Keys of generation_config.json and how the converter writes them. */
const samplingKeys: readonly [key: string, names: readonly string[], write: (value: number) => GgufValue][] = [
  ['top_k', ['top_k'], int32],
  ['top_p', ['top_p'], float32],
  ['min_p', ['min_p'], float32],
  ['xtc_probability', ['xtc_probability'], float32],
  ['xtc_threshold', ['xtc_threshold'], float32],
  ['temp', ['temperature'], float32],
  ['penalty_last_n', ['penalty_last_n'], int32],
  ['penalty_repeat', ['penalty_repeat', 'repetition_penalty'], float32],
  ['mirostat', ['mirostat'], int32],
  ['mirostat_tau', ['mirostat_tau'], float32],
  ['mirostat_eta', ['mirostat_eta'], float32],
];

/** `parameters` counts what the file holds. */
export async function generalKeys(folder: ModelFolder, parameters: number): Promise<Entries> {
  const card = readModelCard((await readText(folder, 'README.md')) ?? '');
  return [
    ['general.type', string('model')],
    ...samplingEntries(folder),
    ...nameEntries(folder, card, parameters),
    ...licenceEntries(card),
    ...originEntries('base_model', idsOf(card, ['base_model', 'base_models', 'base_model_sources']), parameters),
    ...originEntries('dataset', idsOf(card, ['datasets', 'dataset', 'dataset_sources']), parameters),
    ['general.tags', joined(card, ['tags', 'pipeline_tag'])],
    ['general.languages', joined(card, ['languages', 'language'])],
  ];
}

function samplingEntries({ generationConfig }: ModelFolder): Entries {
  const sequence = generationConfig?.['sequence'];
  const numbers = samplingKeys.map(([key, names, write]) => {
    const value = names.map((name) => generationConfig?.[name]).find((found) => typeof found === 'number');
    return [`general.sampling.${key}`, typeof value === 'number' ? write(value) : null] as const;
  });
  return [['general.sampling.sequence', typeof sequence === 'string' ? string(sequence) : null], ...numbers];
}

function nameEntries(folder: ModelFolder, card: Card, parameters: number): Entries {
  const id = folder.config._name_or_path;
  // Only a name: some configs keep a path of the machine that they were made on.
  const isName = typeof id === 'string' && id !== '' && id.split('/').length <= 2;
  const sources = [
    ...(isName ? [parseModelName(id, parameters)] : []),
    parseModelName(basename(resolve(folder.path)), parameters),
  ];
  const first = (pick: (name: ModelName) => string | null, ...keys: string[]): string | null =>
    text(card, keys) ?? sources.map(pick).find((value) => value !== null) ?? null;
  const title = (name: string | null): string | null => (name === null ? null : titleOf(name));
  const none = (): null => null;
  return [
    // What a card says is kept as written; only ids are made into titles.
    ['general.name', optional(text(card, ['name', 'model_name']) ?? titleOf(sources[0]!.fullName))],
    ['general.author', optional(first(none, 'author', 'model_author', 'model_creator'))],
    ['general.version', optional(first((name) => name.version, 'version', 'model_version'))],
    ['general.organization', optional(first((name) => title(name.organization), 'organization', 'model_organization'))],
    ['general.finetune', optional(first((name) => name.finetune, 'finetune', 'model_finetune'))],
    ['general.basename', optional(first((name) => name.basename, 'basename', 'model_basename', 'model_type'))],
    ['general.description', optional(first(none, 'description', 'model_description'))],
    [
      'general.size_label',
      string(first((name) => name.sizeLabel, 'size_label', 'model_size_label') ?? sizeLabelOf(parameters)),
    ],
  ];
}

function licenceEntries(card: Card): Entries {
  const licence = card.get('license');
  return [
    ['general.license', optional(Array.isArray(licence) ? licence.join(',') : (licence ?? null))],
    ['general.license.name', optional(text(card, ['license_name']))],
    ['general.license.link', optional(text(card, ['license_link']))],
    ['general.source.url', optional(text(card, ['url', 'model_url']))],
    ['general.source.doi', optional(text(card, ['doi', 'model_doi']))],
    ['general.source.uuid', optional(text(card, ['uuid', 'model_uuid']))],
    ['general.source.repo_url', optional(text(card, ['repo_url', 'model_repo_url']))],
  ];
}

/** Models or data sets that this one was made from, by their ids or addresses on the hub. */
function originEntries(kind: 'base_model' | 'dataset', ids: readonly string[] | null, parameters: number): Entries {
  if (ids === null) return [];
  const entries: Entries = [[`general.${kind}.count`, uint32(ids.length)]];
  for (const [index, id] of ids.entries()) {
    const isAddress = /^(https?|ssh):\/\//.test(id);
    const hubId = isAddress ? /^https?:\/\/huggingface\.co\/([^/]+\/[^/]+)$/.exec(id)?.[1] : id;
    const name = hubId === undefined ? null : parseModelName(hubId, parameters);
    const key = `general.${kind}.${index}`;
    const address = name?.organization ? `https://huggingface.co/${name.organization}/${name.fullName}` : null;
    entries.push(
      [`${key}.name`, optional(name && titleOf(name.fullName))],
      [`${key}.version`, optional(name?.version ?? null)],
      [`${key}.organization`, optional(name?.organization ? titleOf(name.organization) : null)],
      [`${key}.repo_url`, optional(isAddress ? id : address)],
    );
  }
  return entries;
}

function idsOf(card: Card, keys: readonly string[]): string[] | null {
  const found = keys.map((key) => card.get(key)).find((value) => value !== undefined);
  if (found === undefined) return null;
  return Array.isArray(found) ? found : [found];
}

function text(card: Card, keys: readonly string[]): string | null {
  const found = keys.map((key) => card.get(key)).find((value) => typeof value === 'string');
  return typeof found === 'string' ? found : null;
}

/** The values of all keys, one after the other. */
function joined(card: Card, keys: readonly string[]): GgufValue | null {
  const all = keys.flatMap((key) => card.get(key) ?? []);
  return all.length === 0 ? null : strings(all);
}

function optional(value: string | null): GgufValue | null {
  return value === null ? null : string(value);
}
