// Writes a file of tensors whose places are known beforehand: header first, then each tensor once, in any order,
// zeros between them. Memory use is what the caller passes.
import { AppError } from '../../contract/errors.ts';
import type { OutputFile } from './output-file.ts';
import type { TensorEntry } from './tensor.ts';

/** All bytes of a tensor, or its parts in order. */
export type TensorContent = Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export interface FileLayout {
  /** All bytes before the first tensor. */
  readonly header: Uint8Array;
  readonly tensors: readonly TensorEntry[];
  readonly fileBytes: number;
}

export interface WrittenFile {
  fileBytes: number;
  sha256: string;
}

export class TensorWriter {
  readonly output: OutputFile;
  readonly #layout: FileLayout;
  /** Tensors not yet written: entry, and the zeros that follow it. */
  readonly #missing = new Map<string, { entry: TensorEntry; padding: number }>();

  private constructor(output: OutputFile, layout: FileLayout) {
    this.output = output;
    this.#layout = layout;
    const sorted = [...layout.tensors].sort((a, b) => a.offset - b.offset);
    for (const [index, entry] of sorted.entries()) {
      const next = sorted[index + 1]?.offset ?? layout.fileBytes;
      this.#missing.set(entry.name, { entry, padding: next - entry.offset - entry.bytes });
    }
  }

  /** Bytes of all tensors, without header and padding. */
  get dataBytes(): number {
    return this.#layout.tensors.reduce((sum, entry) => sum + entry.bytes, 0);
  }

  /** Tensors that a process before this one finished: the first ones of the file. */
  get keptTensors(): number {
    return this.output.keptPieces;
  }

  /** Writes the header, unless it is in a kept part already. The writer owns the output from here on: a failure discards it. */
  static async begin(output: OutputFile, layout: FileLayout): Promise<TensorWriter> {
    const writer = new TensorWriter(output, layout);
    if (output.keptPieces === 0) await writer.#orDiscard(() => output.write(layout.header, 0));
    for (const name of [...writer.#missing.keys()].slice(0, output.keptPieces)) writer.#missing.delete(name);
    return writer;
  }

  /**
   * Writes one tensor. In the layout's order the checksum costs nothing extra; in any other the file is read back.
   * @throws INTERNAL when the tensor is unknown, comes twice or has another size than planned; DISK_FULL
   */
  async writeTensor(name: string, content: TensorContent): Promise<void> {
    await this.#orDiscard(async () => {
      const place = this.#missing.get(name);
      if (!place) {
        throw new AppError('INTERNAL', `${name} is no tensor of ${this.output.path}, or was written before.`, {
          tensor: name,
        });
      }
      this.#missing.delete(name);
      const { entry, padding } = place;
      let done = 0;
      for await (const chunk of content instanceof Uint8Array ? [content] : content) {
        if (done + chunk.length > entry.bytes) throw wrongSize(entry, done + chunk.length);
        await this.output.write(chunk, entry.offset + done);
        done += chunk.length;
      }
      if (done !== entry.bytes) throw wrongSize(entry, done);
      if (padding > 0) await this.output.write(new Uint8Array(padding), entry.offset + done);
      await this.output.finished(this.#layout.tensors.length - this.#missing.size);
    });
  }

  /** Checks that the file is whole; it stays at output.partPath until commit. @throws INTERNAL */
  async complete(): Promise<WrittenFile> {
    return this.#orDiscard(async () => {
      const [first] = this.#missing.keys();
      if (first !== undefined) {
        throw new AppError('INTERNAL', `${this.#missing.size} tensors were not written, ${first} first.`, {
          tensor: first,
        });
      }
      return { fileBytes: this.#layout.fileBytes, sha256: await this.output.sha256() };
    });
  }

  /** Completes the file and gives it its name. @throws OUTPUT_EXISTS */
  async finish(finalPath?: string): Promise<WrittenFile> {
    const written = await this.complete();
    await this.#orDiscard(() => this.output.commit(finalPath));
    return written;
  }

  discard(): Promise<void> {
    return this.output.discard();
  }

  async #orDiscard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this.output.discard();
      throw error;
    }
  }
}

function wrongSize(entry: TensorEntry, actual: number): AppError {
  return new AppError('INTERNAL', `${entry.name} has ${actual} bytes or more; ${entry.bytes} were planned.`, {
    tensor: entry.name,
    expected: entry.bytes,
    actual,
  });
}
