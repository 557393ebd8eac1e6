// The tokenizer.* keys. Source: llama.cpp v0.4.0, conversion/llama.py and conversion/qwen.py (set_vocab).
import { join } from 'node:path';
import { AppError } from '../../../contract/errors.ts';
import { readJsonFile } from '../../formats/json-object.ts';
import { openFolderTokenizer } from '../../tokens/folder-tokenizer.ts';
import { chatTemplateKeys } from './chat-template.ts';
import { bool, float32s, int32s, string, strings, uint32, type Entries } from './entries.ts';
import type { Family } from './families/family.ts';
import type { ModelFolder } from './model-folder.ts';
import { detectPreTokenizer } from './pre-tokenizer.ts';
import { readSpecialTokens, type SpecialTokens } from './special-tokens.ts';
import { readVocabulary, type Vocabulary } from './vocabularies.ts';

/** Roles whose ids and switches GGUF has keys for. */
const idKeys: readonly (readonly [role: string, key: string])[] = [
  ['bos', 'bos_token_id'],
  ['eos', 'eos_token_id'],
  ['unk', 'unknown_token_id'],
  ['sep', 'seperator_token_id'],
  ['pad', 'padding_token_id'],
  ['mask', 'mask_token_id'],
  ['eot', 'eot_token_id'],
  ['eom', 'eom_token_id'],
];
const switchKeys = ['bos', 'eos', 'sep'];

/** Files that a folder without a tokenizer does not have: one of them alone is half a download. */
const traces = ['tokenizer_config.json', 'special_tokens_map.json', 'vocab.json', 'merges.txt', 'added_tokens.json'];

/** True where the folder holds weights and nothing of a tokenizer. */
export function hasTokenizer(folder: ModelFolder): boolean {
  return folder.tokenizerJson !== null || folder.sentencePiece !== null;
}

/**
 * All keys of the tokenizer. A folder of weights alone gets the model `none`, with which llama.cpp runs ids.
 * @throws FILE_NOT_FOUND when only parts of a tokenizer are there; UNSUPPORTED_ARCHITECTURE, FILE_MALFORMED
 */
export async function tokenizerKeys(family: Family, folder: ModelFolder, vocabularySize: number): Promise<Entries> {
  if (!hasTokenizer(folder)) {
    refuseTraces(folder);
    return [['tokenizer.ggml.model', string('none')]];
  }
  const vocabulary = vocabularyOf(family, folder, vocabularySize);
  const { kind, list, merges } = vocabulary;
  const isByteLevel = kind === 'byte-level';
  const special = readSpecialTokens(
    folder,
    await readJsonFile(join(folder.path, 'config.json')),
    isByteLevel ? null : list.length,
  );
  const pre = isByteLevel
    ? detectPreTokenizer(await openFolderTokenizer(folder.path), folder.path, special.ids.get('bos') ?? null)
    : 'default';
  return [
    ['tokenizer.ggml.add_space_prefix', spacePrefix(family, folder, vocabulary)],
    ['tokenizer.ggml.model', string(isByteLevel ? 'gpt2' : 'llama')],
    ['tokenizer.ggml.pre', string(pre)],
    ['tokenizer.ggml.tokens', strings(list.texts)],
    ['tokenizer.ggml.scores', isByteLevel ? null : float32s(list.scores)],
    ['tokenizer.ggml.token_type', int32s(list.types)],
    ['tokenizer.ggml.merges', merges === null || merges.length === 0 ? null : strings(merges)],
    ...specialKeys(family, special, vocabularySize),
    ...(await chatTemplateKeys(folder)),
    ['tokenizer.ggml.normalizer.lowercase', special.lowercases === null ? null : bool(special.lowercases)],
    ['tokenizer.ggml.normalizer.strip_accents', special.stripsAccents === null ? null : bool(special.stripsAccents)],
  ];
}

function vocabularyOf(family: Family, folder: ModelFolder, size: number): Vocabulary {
  for (const kind of family.vocabularies) {
    const found = readVocabulary(kind, folder, size);
    if (found) return found;
  }
  throw new AppError('INTERNAL', `${folder.path}: no form of vocabulary fits the tokenizer.`, { path: folder.path });
}

function refuseTraces(folder: ModelFolder): void {
  const trace = traces.find((name) => folder.names.has(name));
  if (trace === undefined) return;
  throw new AppError(
    'FILE_NOT_FOUND',
    `${folder.path} has a ${trace} but no tokenizer: expected tokenizer.json or tokenizer.model beside it.`,
    { path: folder.path, found: trace },
  );
}

function spacePrefix(family: Family, folder: ModelFolder, vocabulary: Vocabulary): Entries[number][1] {
  const stated = family.writesSpacePrefix ? folder.tokenizerConfig?.['add_prefix_space'] : undefined;
  if (typeof stated === 'boolean') return bool(stated);
  return vocabulary.hasSpacePrefix ? null : bool(false);
}

function specialKeys(family: Family, { ids, added }: SpecialTokens, vocabularySize: number): Entries {
  const quirk = family.vocabularyQuirks[vocabularySize];
  if (quirk?.eot !== undefined && !ids.has('eot')) ids.set('eot', quirk.eot);
  if (quirk?.addBos !== undefined) added.set('bos', quirk.addBos);
  return [
    ...idKeys.map(([role, key]) => entry(`tokenizer.ggml.${key}`, ids.get(role), uint32)),
    ...switchKeys.map((role) => entry(`tokenizer.ggml.add_${role}_token`, added.get(role), bool)),
  ];
}

function entry<T>(key: string, value: T | undefined, write: (value: T) => Entries[number][1]): Entries[number] {
  return [key, value === undefined ? null : write(value)];
}
