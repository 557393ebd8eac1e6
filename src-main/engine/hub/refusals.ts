// What a hub's answer means. Source: huggingface_hub utils/_http.py, hf_raise_for_status (X-Error-Code, X-Error-Message;
// a 401 also stands for a repository that does not exist) and _parse_ratelimit of the 429 answers (RateLimit: "api";r=0;t=55).
import { AppError } from '../../contract/errors.ts';
import type { HubFile } from './hub-file.ts';

/** A failure that may be gone at the next try. */
export class Transient extends Error {
  /** How long the hub asks to wait. */
  readonly askedMs: number | null;

  constructor(reason: string, askedMs: number | null = null) {
    super(reason);
    this.askedMs = askedMs;
  }
}

/** What a request was for. */
export interface Wanted {
  /** As errors name it: the address of the model, with the file where one is meant. */
  what: string;
  /** The page of the repository, for people; null where the whole hub was asked. */
  page: string | null;
  hasToken: boolean;
}

/** The error of an answer that is no success; from the hub itself, not from where it sends for the bytes. */
export function refusalOf(
  { status, headers }: Pick<Response, 'status' | 'headers'>,
  wanted: Wanted,
): AppError | Transient {
  const { what, page, hasToken } = wanted;
  const code = headers.get('x-error-code') ?? '';
  const said = (headers.get('x-error-message') ?? '').slice(0, 300);
  const details = {
    what,
    status,
    ...(code === '' ? {} : { hubCode: code }),
    ...(said === '' ? {} : { hubMessage: said }),
  };
  const error = (kind: 'HUB_NOT_FOUND' | 'HUB_GATED' | 'HUB_UNAVAILABLE', message: string): AppError =>
    new AppError(kind, message, details);
  if (status === 429) return new Transient(waitText(headers), askedWait(headers));
  if (status >= 500 || status === 408) return new Transient(`the hub answered ${status}`);
  if (page === null && (status === 401 || status === 403)) {
    const next = hasToken ? 'it does not accept the token in HF_TOKEN' : 'it may want a token in HF_TOKEN';
    return error('HUB_GATED', `${what}: the hub refuses to answer (${said || `status ${status}`}): ${next}.`);
  }
  if (page === null && status < 500)
    return error('HUB_UNAVAILABLE', `${what}: the hub answered ${status}: it may be a mirror that cannot search.`);
  if (code === 'GatedRepo') {
    const next = hasToken
      ? 'the account of the token in HF_TOKEN has no access yet'
      : 'then set HF_TOKEN to a token of that account';
    return error('HUB_GATED', `${what} is gated: ask for access at ${page}; ${next}.`);
  }
  if (code === 'RevisionNotFound')
    return error('HUB_NOT_FOUND', `${what}: the repository has no such revision. See ${page}.`);
  if (code === 'EntryNotFound') return error('HUB_NOT_FOUND', `${what}: the repository has no such file. See ${page}.`);
  if (status === 401 && hasToken && /invalid/i.test(said))
    return error('HUB_GATED', `${what}: the hub does not accept the token in HF_TOKEN.`);
  if (code === 'RepoNotFound' || status === 401 || status === 404) {
    const hint = hasToken ? 'the token in HF_TOKEN may not see it' : 'a private one needs a token in HF_TOKEN';
    return error('HUB_NOT_FOUND', `${what} is not on the hub, or not for everyone: check owner and name; ${hint}.`);
  }
  if (status === 403) return error('HUB_GATED', `${what}: the hub refuses access (${said || 'status 403'}).`);
  return error('HUB_UNAVAILABLE', `${what}: the hub answered ${status}${said === '' ? '' : ` (${said})`}.`);
}

function waitText(headers: Headers): string {
  const asked = askedWait(headers);
  const wait = asked === null ? '' : `, and to wait ${Math.ceil(asked / 1000)} s`;
  return `the hub asks for fewer requests${wait}; a token in HF_TOKEN raises its limit`;
}

/** Retry-After in seconds or as a date (RFC 9110 §10.2.3), else the reset of the RateLimit header. */
function askedWait(headers: Headers): number | null {
  const after = headers.get('retry-after');
  if (after !== null && /^\d+$/.test(after)) return Number(after) * 1000;
  if (after !== null && !Number.isNaN(Date.parse(after))) return Math.max(0, Date.parse(after) - Date.now());
  const reset = /;\s*t=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1];
  return reset === undefined ? null : Number(reset) * 1000;
}

/** The hub names the content in every answer: another name than the listing's is another file. @throws CHECKSUM_MISMATCH */
export function checkIdentity(etag: string | null, { sha256, blob }: HubFile, what: string): void {
  // Mirrors have names of their own making too.
  const isName = etag !== null && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(etag);
  if (!isName || etag === sha256 || etag === blob) return;
  const expected = sha256 ?? blob;
  const message = `${what} is another file now: expected ${expected}, the hub sends ${etag}. Run it again.`;
  throw new AppError('CHECKSUM_MISMATCH', message, { what, expected, actual: etag });
}

/** The file has another size than it had when the repository was listed. */
export function sizeChanged(what: string): AppError {
  return new AppError('CHECKSUM_MISMATCH', `${what}: the hub has a file of another size than it listed.`, { what });
}
