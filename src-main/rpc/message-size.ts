// What can be known of a message without much work: the call it belongs to, its kind, about its size.

/** Of the call that a message belongs to; null for events and what is no message. */
export function idOf(message: unknown): number | null {
  const { id } = (message ?? {}) as { id?: unknown };
  return typeof id === 'number' ? id : null;
}

export function kindOf(message: unknown): unknown {
  return ((message ?? {}) as { kind?: unknown }).kind;
}

/**
 * At least how large `message` is, counted until it is more than `enough`: text, typed arrays and whole numbers of any length
 * by their length, anything else as 8 bytes and what it holds. So the work is bounded by `enough`, however large, deep or
 * circular the message is.
 */
export function sizeOf(message: unknown, enough: number): number {
  const left = [message];
  let size = 0;
  while (left.length > 0 && size <= enough) {
    const part = left.pop();
    if (typeof part === 'string') size += part.length;
    else if (typeof part === 'bigint') size += digitBytes(part, enough);
    else if (ArrayBuffer.isView(part) || part instanceof ArrayBuffer) size += part.byteLength;
    else {
      size += 8;
      if (part === null || typeof part !== 'object') continue;
      const many = Array.isArray(part) ? part.length : part instanceof Map || part instanceof Set ? part.size : 0;
      if (many * 8 > enough) return size + many * 8;
      for (const inside of partsOf(part)) left.push(inside);
    }
  }
  return size;
}

/** All that a structured clone carries of an object. */
function* partsOf(object: object): Generator {
  if (object instanceof Map) for (const [key, value] of object) yield* [key, value];
  else if (object instanceof Set) yield* object;
  else if (object instanceof RegExp) yield object.source;
  else if (object instanceof Error) yield* [object.message, object.stack, object.cause];
  // The places of an array are no text.
  if (Array.isArray(object)) yield* Object.values(object);
  else for (const entry of Object.entries(object)) yield* entry;
}

/** Of a whole number, up to a little more than `enough`. */
function digitBytes(value: bigint, enough: number): number {
  if (BigInt.asIntN(64, value) === value) return 8;
  return BigInt.asIntN(enough * 8, value) === value ? value.toString(16).length / 2 : enough + 1;
}
