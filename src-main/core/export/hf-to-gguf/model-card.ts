// The head of a model card: README.md begins with YAML between two lines of `---`. Read are the plain forms that cards
// use for what the converter writes: `key: value`, lists as `- item` lines or `[a, b]`. Deeper structures (model-index,
// lists of objects) are passed over. Source: llama.cpp v0.4.0, gguf-py/gguf/metadata.py (load_model_card).

export type CardValue = string | string[];

/** Values by key; empty where the text has no such head. */
export function readModelCard(text: string): Map<string, CardValue> {
  const card = new Map<string, CardValue>();
  const [first, ...lines] = text.split(/\r?\n/);
  const end = lines.indexOf('---');
  if (first !== '---' || end === -1) return card;
  let open: string | null = null;
  for (const line of lines.slice(0, end)) {
    const item = /^\s*-\s+(.*)$/.exec(line);
    if (item && open !== null) {
      addItem(card, open, item[1]!);
      continue;
    }
    const field = /^([A-Za-z_][\w-]*):(?:\s+(.*))?$/.exec(line);
    if (field) {
      const value = field[2]?.trim() ?? '';
      open = value === '' ? field[1]! : null;
      if (value !== '') set(card, field[1]!, value);
    } else if (open !== null && /^\s+\S/.test(line)) {
      // A nested object: not ours, and neither is what was collected of it.
      card.delete(open);
      open = null;
    }
  }
  return card;
}

function addItem(card: Map<string, CardValue>, key: string, item: string): void {
  const value = scalar(item);
  if (value === null) return;
  const list = card.get(key);
  card.set(key, Array.isArray(list) ? [...list, value] : [value]);
}

function set(card: Map<string, CardValue>, key: string, value: string): void {
  const list = /^\[(.*)\]$/.exec(value);
  if (list) {
    const items = list[1]!.split(',').map((item) => scalar(item.trim()));
    card.set(
      key,
      items.filter((item): item is string => item !== null && item !== ''),
    );
    return;
  }
  const one = scalar(value);
  if (one !== null) card.set(key, one);
}

/** Null for what is no plain value: an object, an anchor, a block of text, or `null`. */
function scalar(written: string): string | null {
  const quoted = /^'((?:[^']|'')*)'/.exec(written);
  if (quoted) return quoted[1]!.replaceAll("''", "'");
  if (written.startsWith('"')) {
    const text = /^"(?:[^"\\]|\\.)*"/.exec(written)?.[0];
    try {
      return text === undefined ? null : (JSON.parse(text) as string);
    } catch {
      return null;
    }
  }
  const plain = written.replace(/\s+#.*$/, '').trim();
  return /^[[{&*!|>]|^(null|~)$|^[\w-]+:(\s|$)/.test(plain) ? null : plain;
}
