// Requests to a hub. Redirects are followed by hand: the token is for the hub alone, never for the store of bytes that it
// sends on to. Every request has an end: a connection that stalls is given up, tries are counted, waits are bounded.
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../contract/errors.ts';
import { version } from '../../contract/version.ts';
import { refusalOf, sizeChanged, Transient, type Wanted } from './refusals.ts';
import type { HubSettings } from './settings.ts';

/** An answer whose body has still to be read. */
export interface HubAnswer {
  status: number;
  headers: Headers;
  /** The hub's own name of a file's content: the SHA-256 of a large file, the git blob of a small one. */
  etag: string | null;
  body: AsyncIterable<Uint8Array>;
}

export interface HubRequest {
  url: string;
  /** First byte, and the one behind the last; read anew for every try. */
  readonly range?: { start: number; end: number };
  wanted: Omit<Wanted, 'hasToken'>;
  signal: AbortSignal;
  /** @default 4 */
  tries?: number;
}

const mostRedirects = 10;

/**
 * Asks for a URL and reads the answer with `read`, again where a try fails half-way; a try that `read` says brought
 * something on does not count.
 * @throws HUB_NOT_FOUND, HUB_GATED, HUB_UNAVAILABLE, CANCELLED, and what `read` throws
 */
export async function ask<T>(
  settings: HubSettings,
  request: HubRequest,
  read: (answer: HubAnswer, advance: () => void) => Promise<T>,
): Promise<T> {
  const { signal, tries = 4 } = request;
  const { pace } = settings;
  for (let failed = 0; ;) {
    const advance = { isSeen: false };
    try {
      return await attempt(settings, request, (answer) => read(answer, () => (advance.isSeen = true)));
    } catch (error) {
      if (!(error instanceof Transient)) throw error;
      failed = advance.isSeen ? 1 : failed + 1;
      const waitMs = error.askedMs ?? Math.min(pace.longestDelayMs, pace.firstDelayMs * 2 ** (failed - 1));
      if (failed >= tries || waitMs > pace.longestAskedMs) throw unavailable(settings, request, error, failed);
      // Up to a quarter more, so that several connections do not come back at one moment.
      await sleep(waitMs * (1 + Math.random() / 4), undefined, { signal }).catch((reason: unknown) => {
        throw AppError.from(reason);
      });
    }
  }
}

/** One try, under a watch that is set back by every byte. */
async function attempt<T>(
  settings: HubSettings,
  request: HubRequest,
  read: (answer: HubAnswer) => Promise<T>,
): Promise<T> {
  const stalled = new AbortController();
  const { stallMs } = settings.pace;
  const watch = setTimeout(() => stalled.abort(), stallMs);
  const signal = AbortSignal.any([request.signal, stalled.signal]);
  let response: Response | null = null;
  try {
    request.signal.throwIfAborted();
    const found = await follow(settings, request, signal);
    response = found.response;
    const body = watched(response, () => watch.refresh());
    return await read({ status: response.status, headers: response.headers, etag: found.etag, body });
  } catch (error) {
    if (request.signal.aborted) throw new AppError('CANCELLED', 'Cancelled.');
    if (stalled.signal.aborted) throw new Transient(`nothing came for ${stallMs / 1000} s`);
    throw error;
  } finally {
    clearTimeout(watch);
    // What nobody read would keep the connection.
    if (response?.body && !response.body.locked) await response.body.cancel().catch(() => undefined);
  }
}

async function* watched(response: Response, alive: () => void): AsyncGenerator<Uint8Array, void> {
  if (!response.body) return;
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(connectionFault);
      if (done) return;
      alive();
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function follow(
  settings: HubSettings,
  { url, range, wanted }: HubRequest,
  signal: AbortSignal,
): Promise<{ response: Response; etag: string | null }> {
  const hub = new URL(settings.endpoint);
  let target = new URL(url);
  let etag: string | null = null;
  for (let hop = 0; hop <= mostRedirects; hop++) {
    const isHub = target.origin === hub.origin;
    const headers = headersOf(settings, isHub, range);
    const response = await fetch(target, { headers, redirect: 'manual', signal }).catch(connectionFault);
    if (isHub)
      etag = plainEtag(response.headers.get('x-linked-etag') ?? (response.ok ? response.headers.get('etag') : null));
    const location = response.headers.get('location');
    if (response.status < 300 || response.status > 399 || location === null) {
      if (response.ok) return { response, etag };
      await response.body?.cancel().catch(() => undefined);
      if (response.status === 416) throw sizeChanged(wanted.what);
      // A link to the store of bytes lives for a while only; the next try gets a new one.
      if (!isHub) throw new Transient(`${target.origin} answered ${response.status}`);
      throw refusalOf(response, { ...wanted, hasToken: settings.token !== null });
    }
    await response.body?.cancel().catch(() => undefined);
    const next = URL.parse(location, target.href);
    if (next === null) throw new AppError('HUB_UNAVAILABLE', `${wanted.what}: the hub leads to what is no address.`);
    if (!/^https?:$/.test(next.protocol) || (target.protocol === 'https:' && next.protocol === 'http:'))
      throw new AppError('HUB_UNAVAILABLE', `${wanted.what}: the hub leads to ${next.origin}, which is not safe.`);
    target = next;
  }
  throw new AppError('HUB_UNAVAILABLE', `${wanted.what}: the hub leads on more than ${mostRedirects} times.`);
}

function headersOf({ token }: HubSettings, isHub: boolean, range: HubRequest['range']): Record<string, string> {
  return {
    'user-agent': `snug/${version}`,
    // Compressed bytes would have other offsets.
    'accept-encoding': 'identity',
    ...(range ? { range: `bytes=${range.start}-${range.end - 1}` } : {}),
    ...(isHub && token !== null ? { authorization: `Bearer ${token}` } : {}),
  };
}

const plainEtag = (etag: string | null): string | null => etag?.replace(/^W\//, '').replace(/^"|"$/g, '') ?? null;

/** Only the words of the system: those of a request would repeat its address, which may hold a signature. */
function connectionFault(error: unknown): never {
  const cause = error instanceof Error ? (error.cause as { code?: string; message?: string } | undefined) : undefined;
  throw new Transient(cause?.code ?? cause?.message ?? 'the connection broke');
}

function unavailable({ endpoint }: HubSettings, { wanted }: HubRequest, last: Transient, tries: number): AppError {
  const times = tries === 1 ? 'once' : `${tries} times`;
  const message = `${endpoint} does not deliver ${wanted.what} (tried ${times}; ${last.message}). Try again later: what is here already is kept.`;
  return new AppError('HUB_UNAVAILABLE', message, { endpoint, what: wanted.what, tries, reason: last.message });
}
