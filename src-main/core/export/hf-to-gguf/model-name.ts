// The parts of a model's name: organisation, base name, size, fine-tune, version.
// Source: llama.cpp v0.4.0, gguf-py/gguf/metadata.py (get_model_id_components, id_to_title) and utility.py (size_label).

export interface ModelName {
  fullName: string;
  organization: string | null;
  basename: string | null;
  finetune: string | null;
  version: string | null;
  sizeLabel: string | null;
}

type Kind = 'basename' | 'size' | 'finetune' | 'version' | 'type';
interface Part {
  text: string;
  kinds: Set<Kind>;
}

const versionPart = /^(v|iter)?\d+([.]\d+)*$/i;
const typePart = /^(i?q\d(_\w)*|b?fp?(16|32))$/i;
const sizePart = /^((A|\d+x)?\d+([._]\d+)?[KMBT]\d?|small|mini|medium|large|x?xl)$/i;
const finetunePart = /^(chat|instruct|vision|lora)$/i;

/** Takes an id such as `Qwen/Qwen2.5-0.5B-Instruct` apart; `parameters` tells sizes from context lengths. */
export function parseModelName(id: string, parameters: number): ModelName {
  // A sentence, not an id.
  if (id.includes(' '))
    return { fullName: id, organization: null, basename: null, finetune: null, version: null, sizeLabel: null };
  const slash = id.indexOf('/');
  const organization = slash === -1 || id.startsWith('.') ? null : id.slice(0, slash);
  const fullName = id.slice(slash + 1);
  const parts = fullName
    .split('-')
    .filter((text) => text !== '')
    .map((text, index): Part => annotate(text, index, parameters));
  dropWordSizes(parts);
  markBasename(parts);
  const joined = (kind: Kind, without?: Kind): string | null =>
    parts
      .filter(({ kinds }) => kinds.has(kind) && (without === undefined || !kinds.has(without)))
      .map(({ text }) => text)
      .join('-') || null;
  const sizes = new Set(parts.filter(({ kinds }) => kinds.has('size')).map(({ text }) => text));
  const sizeLabel = [...sizes].join('-') || null;
  const finetune = joined('finetune');
  const version = joined('version', 'basename');
  const isClear = sizeLabel !== null || finetune !== null || version !== null;
  return { fullName, organization, basename: isClear ? joined('basename') : null, finetune, version, sizeLabel };
}

function annotate(text: string, index: number, parameters: number): Part {
  if (versionPart.test(text)) return { text, kinds: new Set(['version']) };
  if (typePart.test(text)) return { text: text.toUpperCase(), kinds: new Set(['type']) };
  if (index > 0 && sizePart.test(text)) return sizeOf(text, parameters);
  return { text, kinds: new Set(index > 0 && finetunePart.test(text) ? ['finetune'] : []) };
}

/** A size far from the model's own is a context length, which belongs to the fine-tune. */
function sizeOf(written: string, parameters: number): Part {
  let text = written.replaceAll('_', '.');
  // bloom-7b1
  if (/\d$/.test(text)) text = `${text.slice(0, -2)}.${text.at(-1)}${text.at(-2)}`;
  if (/\d[kmbt]$/.test(text)) text = text.slice(0, -1) + text.at(-1)!.toUpperCase();
  const number = Number(text.slice(0, -1));
  const power = ' KMBT'.indexOf(text.at(-1)!);
  const labelled = text.length > 1 && power !== -1 ? number * 1000 ** power : NaN;
  if (Math.abs(labelled - parameters) > Math.floor((7 * parameters) / 8)) {
    return { text: text.slice(0, -1) + text.at(-1)!.toLowerCase(), kinds: new Set(['finetune']) };
  }
  return { text, kinds: new Set(['size']) };
}

/** "small" says nothing where another part has a number. */
function dropWordSizes(parts: readonly Part[]): void {
  const sizes = parts.filter(({ kinds }) => kinds.has('size'));
  if (!sizes.some(({ text }) => /\d/.test(text))) return;
  for (const { text, kinds } of sizes) if (/^[a-z]+$/i.test(text)) kinds.delete('size');
}

function markBasename(parts: readonly Part[]): void {
  let isStart = true;
  for (const { text, kinds } of parts) {
    if (isStart && ((kinds.size === 0 && /^\p{L}/u.test(text)) || kinds.has('version'))) {
      kinds.add('basename');
    } else {
      isStart = false;
      if (kinds.size === 0) kinds.add('finetune');
    }
  }
  for (const { kinds } of parts.toReversed()) {
    if (!kinds.has('basename') || kinds.size === 1) break;
    kinds.delete('basename');
  }
}

/** `smollm2-135M` -> `Smollm2 135M`: words in lower case get a capital, versions and numbers stay. */
export function titleOf(name: string): string {
  const words = name.trim().replaceAll('-', ' ').split(/\s+/).filter(Boolean);
  return words.map((word) => (isLowerWord(word) ? capitalised(word) : word)).join(' ');
}

function isLowerWord(word: string): boolean {
  return word === word.toLowerCase() && word !== word.toUpperCase() && !/^(v\d+(?:\.\d+)*|\d.*)$/.test(word);
}

/** As Python's str.title: every run of letters starts with a capital. */
function capitalised(word: string): string {
  return word.replace(/\p{L}+/gu, (run) => run[0]!.toUpperCase() + run.slice(1).toLowerCase());
}

/** general.size_label of a dense model: at least two digits, `6.8M`, `135M`. */
export function sizeLabelOf(parameters: number): string {
  const scale =
    (
      [
        [1e12, 'T'],
        [1e9, 'B'],
        [1e6, 'M'],
      ] as const
    ).find(([size]) => parameters > size) ?? ([1e3, 'K'] as const);
  const scaled = parameters / scale[0];
  const digits = String(Math.round(scaled)).replace(/^0+/, '').length;
  return `${scaled.toFixed(Math.max(2 - digits, 0))}${scale[1]}`;
}
