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
 * At least how large `message` is, counted until it is more than `enough`: text and typed arrays by their length, anything
 * else as 8 bytes. So the work is bounded by `enough`, however large, deep or circular the message is.
 */
export function sizeOf(message: unknown, enough: number): number {
  const left = [message];
  let size = 0;
  while (left.length > 0 && size <= enough) {
    const part = left.pop();
    if (typeof part === 'string') size += part.length;
    else if (ArrayBuffer.isView(part) || part instanceof ArrayBuffer) size += part.byteLength;
    else {
      size += 8;
      if (part === null || typeof part !== 'object') continue;
      if (Array.isArray(part) && part.length * 8 > enough) return size + part.length * 8;
      for (const value of Object.values(part)) left.push(value);
    }
  }
  return size;
}
