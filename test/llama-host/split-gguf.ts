// Splits a GGUF file into two parts as llama-gguf-split does, with nothing of the code under test: the metadata goes into
// the first, each part has some of the tensors, and split.* keys tie them together.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const scalarBytes: Record<number, number> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };
const alignment = 32;

interface TensorRecord {
  record: Buffer; // name, shape and type: all but the offset
  offset: number;
}

class Reader {
  readonly file: Buffer;
  at = 0;

  constructor(file: Buffer) {
    this.file = file;
  }

  uint32(): number {
    this.at += 4;
    return this.file.readUInt32LE(this.at - 4);
  }

  uint64(): number {
    this.at += 8;
    return Number(this.file.readBigUInt64LE(this.at - 8));
  }

  skipString(): void {
    const length = this.uint64();
    this.at += length;
  }

  skipValue(type: number): void {
    if (type === 8) return this.skipString();
    if (type !== 9) return void (this.at += scalarBytes[type]!);
    const item = this.uint32();
    const count = this.uint64();
    for (let i = 0; i < count; i += 1) this.skipValue(item);
  }

  tensor(): TensorRecord {
    const start = this.at;
    this.skipString();
    const dimensions = this.uint32();
    this.at += dimensions * 8 + 4;
    const record = this.file.subarray(start, this.at);
    return { record, offset: this.uint64() };
  }
}

function padded(length: number): number {
  return Math.ceil(length / alignment) * alignment;
}

function key(name: string, type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(name.length));
  return Buffer.concat([head, Buffer.from(name), Buffer.from(Uint32Array.of(type).buffer), value]);
}

function splitKeys(part: number, tensors: number): Buffer {
  const uint16 = (value: number): Buffer => Buffer.from(Uint16Array.of(value).buffer);
  return Buffer.concat([
    key('split.no', 2, uint16(part)),
    key('split.count', 2, uint16(2)),
    key('split.tensors.count', 5, Buffer.from(Int32Array.of(tensors).buffer)),
  ]);
}

/** Writes NAME-00001-of-00002.gguf and its sibling into `folder`; returns the first. */
export function splitGguf(source: string, folder: string): string {
  const reader = new Reader(readFileSync(source));
  reader.at = 8;
  const [tensorCount, keyCount] = [reader.uint64(), reader.uint64()];
  const keysStart = reader.at;
  for (let i = 0; i < keyCount; i += 1) {
    reader.skipString();
    reader.skipValue(reader.uint32());
  }
  const keys = reader.file.subarray(keysStart, reader.at);
  const tensors = Array.from({ length: tensorCount }, () => reader.tensor());
  const data = reader.file.subarray(padded(reader.at));
  const ends = [...tensors.map(({ offset }) => offset), data.length].sort((a, b) => a - b);
  const half = Math.ceil(tensorCount / 2);
  const parts = [tensors.slice(0, half), tensors.slice(half)].map((members, part) => {
    const infos: Buffer[] = [];
    const blocks: Buffer[] = [];
    let offset = 0;
    for (const tensor of members) {
      const block = data.subarray(tensor.offset, ends[ends.indexOf(tensor.offset) + 1]);
      const place = Buffer.alloc(8);
      place.writeBigUInt64LE(BigInt(offset));
      infos.push(tensor.record, place);
      blocks.push(block, Buffer.alloc(padded(block.length) - block.length));
      offset += padded(block.length);
    }
    const counts = Buffer.from(BigUint64Array.of(BigInt(members.length), BigInt(part === 0 ? keyCount + 3 : 3)).buffer);
    const head = Buffer.concat([
      Buffer.from('GGUF\x03\0\0\0', 'latin1'),
      counts,
      part === 0 ? keys : Buffer.alloc(0),
      splitKeys(part, tensorCount),
      ...infos,
    ]);
    const file = path.join(folder, `${path.basename(source, '.gguf')}-0000${part + 1}-of-00002.gguf`);
    writeFileSync(file, Buffer.concat([head, Buffer.alloc(padded(head.length) - head.length), ...blocks]));
    return file;
  });
  return parts[0]!;
}
