// A hub of models for tests: the questions of its API and its files, large ones by a redirect to a store of another
// origin, as the real one does. It counts what it sends, and it can be made to misbehave.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

export interface Served {
  host: 'hub' | 'store';
  /** Path without the query. */
  path: string;
  query: string;
  /** Of the repository; null for a question. */
  file: string | null;
  range: string | null;
  authorization: string | null;
  status: number;
  /** Bytes of the body that were handed to the connection. */
  bytes: number;
}

/** What to do instead of a proper answer. */
export interface Fault {
  status?: number;
  headers?: Record<string, string>;
  /** Ends the connection behind so many bytes of the body. */
  cutAfter?: number;
  /** Changes one byte of the body. */
  corrupt?: boolean;
  ignoreRange?: boolean;
  bytesPerSecond?: number;
  /** Sends nothing more behind the headers. */
  stall?: boolean;
  etag?: string;
}

/** Asked for every request; `nth` counts those of the same path at the same host. */
export type FaultOf = (request: {
  host: 'hub' | 'store';
  path: string;
  file: string | null;
  nth: number;
}) => Fault | null;

export interface HubServerOptions {
  /** By path in the repository. */
  files: Record<string, Buffer>;
  /** Of files that are listed with another size than they have. */
  sizes?: Record<string, number>;
  repository?: string;
  revision?: string;
  /** Files of this size and above have a SHA-256 and come from the store. @default 10,000 */
  largeBytes?: number;
  token?: string;
  /** Of every path at the hub, as a mirror below an address of its own has it. @default none */
  prefix?: string;
  /** Entries of a page of the listing. @default 1000 */
  pageSize?: number;
  /** Of a page of the listing besides its entries. @default few */
  pageBytes?: number;
  /** Instead of the address of the next page. */
  link?: string;
  /** What searches find, most downloaded first; the files of `repository` only can be listed. @default none */
  models?: readonly ListedModel[];
  /** Instead of what a search finds. */
  searchAnswer?: string;
  fault?: FaultOf;
}

/** A row of a search, as the hub answers with `expand`. */
export interface ListedModel {
  id: string;
  downloads?: number;
  likes?: number;
  gated?: false | 'auto' | 'manual';
  tags: string[];
  safetensors?: { parameters: Record<string, number>; total: number };
}

export interface HubServer {
  endpoint: string;
  commit: string;
  requests: Served[];
  /** Bytes of bodies of files. */
  sentBytes: () => number;
  /** May be changed between requests. */
  fault: FaultOf;
  files: Record<string, Buffer>;
  close: () => Promise<void>;
}

const sha256 = onceEach((bytes) => createHash('sha256').update(bytes).digest('hex'));
const blobOf = onceEach((bytes) => createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex'));

/** Large files are hashed once: a slow answer looks like a hub that stalls. */
function onceEach(hash: (bytes: Buffer) => string): (bytes: Buffer) => string {
  const known = new WeakMap<Buffer, string>();
  return (bytes) => {
    const found = known.get(bytes) ?? hash(bytes);
    known.set(bytes, found);
    return found;
  };
}

export async function startHubServer(options: HubServerOptions): Promise<HubServer> {
  const { repository = 'owner/name', revision = 'main', largeBytes = 10_000, pageSize = 1000, prefix = '' } = options;
  const commit = 'c0ffee'.padEnd(40, '0');
  const requests: Served[] = [];
  const servers: Server[] = [];
  const hub: HubServer = {
    ...{ endpoint: '', commit, requests, files: options.files, fault: options.fault ?? (() => null) },
    sentBytes: () => requests.reduce((sum, { file, bytes }) => sum + (file === null ? 0 : bytes), 0),
    close: async () => {
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };

  const listen = async (
    answer: (served: Served, request: IncomingMessage, response: ServerResponse) => Promise<void>,
    host: Served['host'],
  ): Promise<string> => {
    const server = createServer((request, response) => {
      const [at = '', query = ''] = request.url!.split('?');
      const path = decodeURIComponent(at);
      const served: Served = {
        ...{ host, path, query, file: null, status: 0, bytes: 0 },
        range: request.headers.range ?? null,
        authorization: request.headers.authorization ?? null,
      };
      requests.push(served);
      answer(served, request, response).catch(() => response.destroy());
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  const faultOf = (served: Served): Fault => {
    const nth = requests.filter(({ host, path }) => host === served.host && path === served.path).length;
    return hub.fault({ host: served.host, path: served.path, file: served.file, nth }) ?? {};
  };

  const store = await listen(async (served, request, response) => {
    const file = served.path.slice(1);
    served.file = file;
    await sendFile(served, { request, response }, { content: hub.files[file]!, fault: faultOf(served) });
  }, 'store');

  const origin = await listen(async (served, request, response) => {
    const url = new URL(request.url!, 'http://hub');
    if (!served.path.startsWith(`${prefix}/`)) {
      response.writeHead(404).end('nothing of the mirror');
      return;
    }
    served.path = served.path.slice(prefix.length);
    const files = `/${repository}/resolve/`;
    const [at, ...rest] = served.path.startsWith(files) ? served.path.slice(files.length).split('/') : [];
    served.file = at === undefined ? null : rest.join('/');
    const fault = faultOf(served);
    const answer = (status: number, body: string, headers: Record<string, string> = {}): void => {
      Object.assign(served, { status, bytes: served.file === null ? body.length : 0 });
      response.writeHead(status, headers).end(body);
    };
    if (fault.status !== undefined) return answer(fault.status, 'a page for people', fault.headers);
    if (options.token !== undefined && served.authorization !== `Bearer ${options.token}`)
      return answer(401, '', { 'x-error-code': 'RepoNotFound' });
    if (served.path === '/api/models')
      return answer(200, options.searchAnswer ?? JSON.stringify(found(options.models ?? [], url.searchParams)));
    const named = options.models?.find(({ id }) => served.path === `/api/models/${id}`);
    if (named) return answer(200, JSON.stringify(named));
    if (served.path === `/api/models/${repository}/revision/${revision}`)
      return answer(200, JSON.stringify({ sha: commit }));
    if (served.path.startsWith(`/api/models/${repository}/revision/`))
      return answer(404, '', { 'x-error-code': 'RevisionNotFound' });
    if (served.path === `/api/models/${repository}/tree/${commit}`) {
      const start = Number(url.searchParams.get('cursor') ?? 0);
      const entries = Object.entries(hub.files).map(([path, bytes]) => ({
        ...{ type: 'file', path, size: options.sizes?.[path] ?? bytes.length, oid: blobOf(bytes) },
        ...(bytes.length >= largeBytes ? { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 134 } } : {}),
      }));
      const more = start + pageSize < entries.length;
      const following = `https://huggingface.co${served.path}?recursive=true&expand=false&cursor=${start + pageSize}`;
      const next = `<${options.link ?? following}>; rel="next"`;
      return answer(
        200,
        JSON.stringify([
          { type: 'directory', path: 'folder'.padEnd(options.pageBytes ?? 0, 'r'), size: 0, oid: 'f'.repeat(40) },
          ...entries.slice(start, start + pageSize),
        ]),
        more ? { link: next } : {},
      );
    }
    if (served.file === null) return answer(404, '', { 'x-error-code': 'RepoNotFound' });
    const content = at === commit ? hub.files[served.file] : undefined;
    if (content === undefined) return answer(404, '', { 'x-error-code': 'EntryNotFound' });
    if (content.length >= largeBytes) {
      const path = served.file.split('/').map(encodeURIComponent).join('/');
      const headers = {
        location: `${store}/${path}?signature=secret`,
        'x-repo-commit': commit,
        'x-linked-size': String(content.length),
      };
      return answer(302, '', { ...headers, 'x-linked-etag': `"${fault.etag ?? sha256(content)}"` });
    }
    await sendFile(served, { request, response }, { content, fault: { etag: blobOf(content), ...fault } });
  }, 'hub');
  hub.endpoint = origin + prefix;
  onTestFinished(() => hub.close());
  return hub;
}

/** As the hub searches: all words in the name, all filters among the tags. */
function found(models: readonly ListedModel[], query: URLSearchParams): ListedModel[] {
  const words = (query.get('search') ?? '').toLowerCase().split(/\s+/);
  return models
    .filter(({ id }) => words.every((word) => id.toLowerCase().includes(word)))
    .filter(({ tags }) => query.getAll('filter').every((tag) => tags.includes(tag)))
    .slice(0, Number(query.get('limit')));
}

async function sendFile(
  served: Served,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
  { content, fault }: { content: Buffer; fault: Fault },
): Promise<void> {
  if (fault.status !== undefined) {
    served.status = fault.status;
    response.writeHead(fault.status, fault.headers).end();
    return;
  }
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  const isPart = first !== undefined && fault.ignoreRange !== true;
  const start = isPart ? Number(first) : 0;
  const end = isPart ? Math.min(content.length, Number(last) + 1) : content.length;
  served.status = isPart ? 206 : 200;
  const body = Buffer.from(content.subarray(start, end));
  if (fault.corrupt === true && body.length > 0) body[body.length >> 1]! ^= 1;
  response.writeHead(served.status, {
    'content-length': String(body.length),
    ...(isPart ? { 'content-range': `bytes ${start}-${end - 1}/${content.length}` } : {}),
    ...(fault.etag === undefined ? {} : { etag: `"${fault.etag}"` }),
  });
  response.flushHeaders();
  if (fault.stall === true) return;
  await pipeline(Readable.from(piecesOf(body, served, fault), { objectMode: false }), response);
}

async function* piecesOf(body: Buffer, served: Served, fault: Fault): AsyncGenerator<Buffer> {
  const { bytesPerSecond, cutAfter = Infinity } = fault;
  const step = bytesPerSecond === undefined ? 65_536 : Math.max(1, Math.floor(bytesPerSecond / 20));
  for (let offset = 0; offset < body.length; offset += step) {
    const piece = body.subarray(offset, Math.min(offset + step, cutAfter));
    served.bytes += piece.length;
    yield piece;
    if (bytesPerSecond !== undefined) await sleep(50);
    if (offset + step < cutAfter) continue;
    // Let what was written go out first.
    await sleep(20);
    throw new Error('cut');
  }
}
