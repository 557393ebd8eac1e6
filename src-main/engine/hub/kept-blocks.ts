// Blocks of files on a hub that an engine has read: the address of a file has its commit, so that its bytes never change.
// What was used longest ago goes first.

/** Headers of a large model with all of its shards. */
const usualLimit = 64 * 2 ** 20;

export class KeptBlocks {
  readonly #limitBytes: number;
  /** By the file's address and the block's number, in the order of their use. */
  readonly #blocks = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(limitBytes = usualLimit) {
    this.#limitBytes = limitBytes;
  }

  /** A block of the file at `url`; undefined where it was never kept, or went. */
  find(url: string, block: number): Uint8Array | undefined {
    const key = keyOf(url, block);
    const found = this.#blocks.get(key);
    if (!found) return undefined;
    this.#blocks.delete(key);
    this.#blocks.set(key, found);
    return found;
  }

  keep(url: string, block: number, content: Uint8Array): void {
    const key = keyOf(url, block);
    this.#drop(key);
    this.#blocks.set(key, content);
    this.#bytes += content.length;
    for (const oldest of this.#blocks.keys()) {
      if (this.#bytes <= this.#limitBytes) return;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    this.#bytes -= this.#blocks.get(key)?.length ?? 0;
    this.#blocks.delete(key);
  }
}

const keyOf = (url: string, block: number): string => `${block} ${url}`;
