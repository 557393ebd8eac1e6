// One file from a hub to this machine: several connections, each a range at a time; what is there is noted, so that a run
// that died goes on; the name is given only once the whole has the checksum that the hub promised.
import { createHash, type Hash } from 'node:crypto';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { AppError } from '../../contract/errors.ts';
import type { HubFile } from './hub-file.ts';
import { ask, type HubRequest } from './client.ts';
import { PartFolder } from './part-folder.ts';
import { RangeWriter } from './range-writer.ts';
import { missingRanges, rangeBytes, type ByteRange } from './ranges.ts';
import { checkIdentity, sizeChanged, Transient } from './refusals.ts';
import type { HubSettings } from './settings.ts';

export interface DownloadRequest {
  file: HubFile;
  url: string;
  target: string;
  wanted: HubRequest['wanted'];
  signal: AbortSignal;
  /** Told of bytes that came; below zero where some have to come again. */
  onBytes: (bytes: number) => void;
  /** Told of bytes whose checksum was taken. */
  onChecked?: (bytes: number) => void;
}

const connections = 4;
/** More patience than for a question: what was downloaded so far is worth a wait. */
const tries = 8;
const hashChunk = 2 ** 22;

/** Whether the file is there; it has its name only once it was checked. */
export async function isPresent(target: string, { bytes }: HubFile): Promise<boolean> {
  const found = await stat(target).catch(() => null);
  return found !== null && found.isFile() && found.size === bytes;
}

/**
 * Downloads a file that is not there yet, going on where an earlier run stopped; answers the bytes that came over the
 * network. Two processes that want one file: one downloads it, the other waits for it.
 * @throws CHECKSUM_MISMATCH when it is wrong twice; HUB_UNAVAILABLE and CANCELLED, keeping what is there; DISK_FULL;
 * HUB_NOT_FOUND, HUB_GATED
 */
export async function downloadFile(settings: HubSettings, request: DownloadRequest): Promise<number> {
  const { file, target, signal, onBytes } = request;
  try {
    if (await isPresent(target, file)) return (onBytes(file.bytes), 0);
    const part = await PartFolder.own(target, { isMade: () => isPresent(target, file), signal });
    if (part === null) return (onBytes(file.bytes), 0);
    let isFinished = false;
    try {
      const fetched = (await attempt(settings, part, request)) ?? (await attempt(settings, part, request));
      if (fetched === null) throw wrongContent(request.wanted.what, file);
      await part.finish();
      isFinished = true;
      return fetched;
    } finally {
      if (!isFinished) await part.leave();
    }
  } catch (error) {
    if (signal.aborted) throw new AppError('CANCELLED', 'Cancelled.');
    throw AppError.from(error);
  }
}

/** Downloads what is missing and checks the whole; null where it is not what it should be, and then all of it is gone. */
async function attempt(settings: HubSettings, part: PartFolder, request: DownloadRequest): Promise<number | null> {
  const { file, onBytes, signal } = request;
  const known = await part.load(file);
  onBytes(rangeBytes(known));
  const data = await open(part.data, known.length > 0 ? 'r+' : 'w+');
  const writer = new RangeWriter(data, part, { file, onBytes }, known);
  try {
    await data.truncate(file.bytes);
    await writer.run(() => downloadRanges(settings, writer, request));
    if (await hasChecksum(data, file, { signal, onChecked: request.onChecked })) {
      await data.sync();
      return writer.fetched;
    }
  } finally {
    await data.close();
  }
  onBytes(-file.bytes);
  await part.clear();
  return null;
}

/** The server sent the whole file where a part was asked for. */
class RangesIgnored extends Error {}

async function downloadRanges(settings: HubSettings, writer: RangeWriter, request: DownloadRequest): Promise<void> {
  const { file, signal } = request;
  const left = missingRanges(writer.done, file.bytes, settings.pace.rangeBytes);
  const stop = new AbortController();
  const work = async (): Promise<void> => {
    for (let range = left.shift(); range; range = left.shift())
      await fetchRange(settings, writer, { ...request, signal: AbortSignal.any([signal, stop.signal]) }, range);
  };
  const workers = Array.from({ length: Math.min(connections, left.length) }, work);
  try {
    await Promise.all(workers);
  } catch (error) {
    stop.abort();
    await Promise.allSettled(workers);
    if (!(error instanceof RangesIgnored)) throw error;
    await fetchWhole(settings, writer, request);
  }
}

/** Fetches one range; a try after a cut asks for the rest of it only. */
async function fetchRange(
  settings: HubSettings,
  writer: RangeWriter,
  { url, wanted, signal, file }: DownloadRequest,
  [start, end]: ByteRange,
): Promise<void> {
  let position = start;
  const request: HubRequest = {
    ...{ url, wanted, signal, tries },
    get range() {
      return { start: position, end };
    },
  };
  while (position < end) {
    const from = position;
    await ask(settings, request, async (answer, advance) => {
      checkIdentity(answer.etag, file, wanted.what);
      if (answer.status === 200 && (position > 0 || end < file.bytes)) throw new RangesIgnored();
      if (answer.status === 206)
        checkPlace(answer.headers.get('content-range'), { start: position, file }, wanted.what);
      for await (const chunk of answer.body) {
        const piece = chunk.subarray(0, end - position);
        await writer.write(piece, position);
        position += piece.length;
        advance();
      }
      // Ended well but early: ask for the rest, as after a cut.
    });
    if (position === from) throw new AppError('HUB_UNAVAILABLE', `${wanted.what}: the hub sends nothing.`);
  }
}

/** From a server that knows no ranges: one connection, and every try begins anew. */
async function fetchWhole(settings: HubSettings, writer: RangeWriter, request: DownloadRequest): Promise<void> {
  const { url, wanted, signal, file } = request;
  await ask(settings, { url, wanted, signal, tries }, async (answer) => {
    checkIdentity(answer.etag, file, wanted.what);
    writer.forget();
    let position = 0;
    for await (const chunk of answer.body) {
      if (position + chunk.length > file.bytes) throw sizeChanged(wanted.what);
      await writer.write(chunk, position);
      position += chunk.length;
    }
    if (position < file.bytes) throw new Transient('the connection ended early');
  });
}

function checkPlace(
  contentRange: string | null,
  { start, file }: { start: number; file: HubFile },
  what: string,
): void {
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(contentRange ?? '') ?? [];
  if (total !== undefined && total !== '*' && Number(total) !== file.bytes) throw sizeChanged(what);
  if (Number(first) !== start) throw new Transient('the hub sent other bytes than were asked for');
}

interface CheckOptions {
  signal: AbortSignal;
  onChecked: ((bytes: number) => void) | undefined;
}

/** Whether the content is what the hub promised: by its SHA-256, or as git names a blob. */
async function hasChecksum(data: FileHandle, file: HubFile, { signal, onChecked }: CheckOptions): Promise<boolean> {
  const hash = startHash(file);
  const buffer = new Uint8Array(hashChunk);
  for (let position = 0; position < file.bytes;) {
    signal.throwIfAborted();
    const { bytesRead } = await data.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return false;
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
    onChecked?.(bytesRead);
  }
  return hash.digest('hex') === (file.sha256 ?? file.blob);
}

/** SHA-256, or git's hash of a blob: SHA-1 over "blob SIZE\0" and the content (git hash-object). */
function startHash({ sha256, bytes }: HubFile): Hash {
  return sha256 === null ? createHash('sha1').update(`blob ${bytes}\0`) : createHash('sha256');
}

function wrongContent(what: string, file: HubFile): AppError {
  const expected = file.sha256 ?? file.blob;
  const message = `${what} came twice with other content than the hub promised (checksum ${expected}): the hub, a mirror or a proxy changes it. Try another HF_ENDPOINT or network.`;
  return new AppError('CHECKSUM_MISMATCH', message, { what, expected });
}
