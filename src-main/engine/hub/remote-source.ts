// A file on a hub as a source of bytes: ranges are fetched when they are read and kept, so that a header costs few requests
// and no byte comes twice. For headers: what is read stays in memory until the source is gone, and in `kept` for the next.
import { AppError } from '../../contract/errors.ts';
import { checkRange, type ByteSource } from '../../core/formats/byte-source.ts';
import type { HubFile } from './hub-file.ts';
import { ask, type HubRequest } from './client.ts';
import type { KeptBlocks } from './kept-blocks.ts';
import { checkIdentity, sizeChanged, Transient } from './refusals.ts';
import type { HubSettings } from './settings.ts';

export interface RemoteFile {
  file: HubFile;
  url: string;
  wanted: HubRequest['wanted'];
  signal: AbortSignal;
}

export interface RemoteSource extends ByteSource {
  /** That came over the network so far. */
  readonly fetchedBytes: number;
}

/** Holds the whole header of most safetensors files, and the counts of a GGUF. */
const blockBytes = 64 * 2 ** 10;

/** Opens a file without asking for it yet. Blocks that are in `kept` are not fetched, and those that are fetched go there. */
export function remoteSource(settings: HubSettings, remote: RemoteFile, kept?: KeptBlocks): RemoteSource {
  const { bytes: size } = remote.file;
  const name = remote.wanted.what;
  const blocks = new Map<number, Uint8Array>();
  let fetchedBytes = 0;

  async function fetchBlocks(first: number, last: number): Promise<void> {
    const range = { start: first * blockBytes, end: Math.min(size, (last + 1) * blockBytes) };
    const content = await fetchBytes(settings, remote, range);
    fetchedBytes += content.length;
    for (let block = first; block <= last; block++) {
      // A copy: what is kept must not hold on to all that came with it.
      const own = content.slice((block - first) * blockBytes, (block - first + 1) * blockBytes);
      blocks.set(block, own);
      kept?.keep(remote.url, block, own);
    }
  }

  function isKnown(block: number): boolean {
    const known = blocks.get(block) ?? kept?.find(remote.url, block);
    if (known) blocks.set(block, known);
    return known !== undefined;
  }

  async function readInto(target: Uint8Array, offset: number): Promise<void> {
    checkRange(name, size, offset, target.length);
    if (target.length === 0) return;
    const first = Math.floor(offset / blockBytes);
    const last = Math.floor((offset + target.length - 1) / blockBytes);
    const numbers = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    const missing = numbers.filter((block) => !isKnown(block));
    // One request, also where a few bytes between are known: it costs more than they do.
    if (missing.length > 0) await fetchBlocks(missing[0]!, missing.at(-1)!);
    for (const block of numbers) {
      const from = Math.max(0, offset - block * blockBytes);
      const part = blocks.get(block)!.subarray(from, offset + target.length - block * blockBytes);
      target.set(part, block * blockBytes + from - offset);
    }
  }

  return {
    ...{ name, size, readInto },
    get fetchedBytes() {
      return fetchedBytes;
    },
    async read(offset, length) {
      checkRange(name, size, offset, length);
      const target = new Uint8Array(length);
      await readInto(target, offset);
      return target;
    },
    async close() {
      blocks.clear();
    },
  };
}

/** One range, from a file that has to be the one that was listed. */
async function fetchBytes(
  settings: HubSettings,
  { file, url, wanted, signal }: RemoteFile,
  range: { start: number; end: number },
): Promise<Uint8Array> {
  const { what } = wanted;
  return ask(settings, { url, wanted, signal, range }, async ({ status, etag, headers, body }) => {
    checkIdentity(etag, file, what);
    const total = /\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1];
    if (total !== undefined && Number(total) !== file.bytes) throw sizeChanged(what);
    if (status === 200 && range.start > 0) throw noRanges(settings, what);
    const target = new Uint8Array(range.end - range.start);
    let filled = 0;
    for await (const chunk of body) {
      const piece = chunk.subarray(0, target.length - filled);
      target.set(piece, filled);
      filled += piece.length;
      if (filled === target.length) break; // of a whole file, the rest is not wanted
    }
    if (filled < target.length) throw new Transient('the connection ended early');
    return target;
  });
}

function noRanges({ endpoint }: HubSettings, what: string): AppError {
  const message = `${endpoint} sends whole files only, so that ${what} cannot be read in part: download it first (snug download).`;
  return new AppError('HUB_UNAVAILABLE', message, { endpoint, what });
}
