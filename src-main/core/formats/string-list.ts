// The strings of a GGUF array, kept as the file's own bytes: tokens may be invalid UTF-8 and have to survive
// unchanged, and a vocabulary of 150,000 is decoded only where somebody looks.

/** Keeps a leading byte order mark: it is a token of its own in some vocabularies. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** Bytes of a string's length field. */
const prefixBytes = 8;

export class StringList implements Iterable<string> {
  /** The strings as GGUF stores them: uint64 length, then the bytes. */
  readonly encoded: Uint8Array;
  /** [length + 1] where each string's length field starts in `encoded`, and the end. */
  readonly #starts: Uint32Array;

  /** Takes both arrays as they are; `starts` must describe `encoded`. */
  constructor(encoded: Uint8Array, starts: Uint32Array) {
    this.encoded = encoded;
    this.#starts = starts;
  }

  static from(items: Iterable<string | Uint8Array>): StringList {
    const contents = Array.from(items, (item) => (typeof item === 'string' ? encoder.encode(item) : item));
    const starts = new Uint32Array(contents.length + 1);
    contents.forEach((content, index) => {
      starts[index + 1] = starts[index]! + prefixBytes + content.length;
    });
    const encoded = new Uint8Array(starts[contents.length]!);
    const view = new DataView(encoded.buffer);
    contents.forEach((content, index) => {
      view.setBigUint64(starts[index]!, BigInt(content.length), true);
      encoded.set(content, starts[index]! + prefixBytes);
    });
    return new StringList(encoded, starts);
  }

  get length(): number {
    return this.#starts.length - 1;
  }

  /** The bytes of string `index`, as a view. */
  bytesAt(index: number): Uint8Array {
    if (!(index >= 0 && index < this.length)) throw new RangeError(`string ${index} of ${this.length}`);
    return this.encoded.subarray(this.#starts[index]! + prefixBytes, this.#starts[index + 1]);
  }

  /** String `index`; bytes that are not UTF-8 become U+FFFD. */
  at(index: number): string {
    return decoder.decode(this.bytesAt(index));
  }

  *[Symbol.iterator](): Generator<string> {
    for (let index = 0; index < this.length; index += 1) yield this.at(index);
  }

  toArray(): string[] {
    return [...this];
  }
}
