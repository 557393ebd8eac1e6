// Which hub, with which token, and whether it may be asked at all: by the environment, then by the user's settings. Names and values of the variables:
// huggingface_hub constants.py (HF_ENDPOINT, HF_HUB_OFFLINE, ENV_VARS_TRUE_VALUES) and its page of environment variables.
import { AppError } from '../../contract/errors.ts';
import type { Settings } from '../../contract/settings.ts';

export interface HubSettings {
  /** Without a slash at its end. */
  endpoint: string;
  /** Goes into the header of requests to the endpoint and nowhere else. */
  token: string | null;
  offline: boolean;
  pace: HubPace;
}

/** How large and how patient requests are; those of tests are less of both. */
export interface HubPace {
  /**
   * Bytes that a connection asks for at a time: enough that asking costs little, few enough that all connections end at
   * about one time.
   */
  rangeBytes: number;
  /** Wait before the second try; doubled from try to try. */
  firstDelayMs: number;
  longestDelayMs: number;
  /** The longest wait that a hub may ask for: its windows of counting are five minutes (docs/hub/rate-limits). */
  longestAskedMs: number;
  /** A connection that brings nothing for this long is given up. */
  stallMs: number;
}

export const usualPace: HubPace = {
  rangeBytes: 64 * 2 ** 20,
  firstDelayMs: 1000,
  longestDelayMs: 30_000,
  longestAskedMs: 310_000,
  stallMs: 30_000,
};

const defaultEndpoint = 'https://huggingface.co';
/** The token that the window keeps, in this process only. */
let keptToken: string | null = null;

/** Takes a token for requests without HF_TOKEN, or (null) forgets it. @throws USAGE; what is secret is never repeated */
export function keepToken(token: string | null): void {
  keptToken = token === null ? null : readToken(token.trim(), 'The token of the hub');
}

const trueWords = new Set(['1', 'ON', 'YES', 'TRUE']);

/** The settings of an environment, which go before those that are kept. @throws USAGE; what is secret is never repeated */
export function hubSettings(
  environment: NodeJS.ProcessEnv,
  kept: Pick<Settings, 'hubEndpoint' | 'offline'> = { hubEndpoint: null, offline: false },
): HubSettings {
  const variable = environment['HF_ENDPOINT']?.trim() || null;
  return {
    endpoint: variable === null ? (kept.hubEndpoint ?? defaultEndpoint) : readEndpoint(variable, 'HF_ENDPOINT'),
    token: readToken(environment['HF_TOKEN']?.trim() ?? '', 'HF_TOKEN') ?? keptToken,
    offline: kept.offline || trueWords.has((environment['HF_HUB_OFFLINE'] ?? '').toUpperCase()),
    pace: usualPace,
  };
}

/** The address of a hub, without a slash at its end. @throws USAGE that names it `name` */
export function readEndpoint(text: string, name: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url !== null && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!isPlain || !/^https?:$/.test(url.protocol)) {
    const message = `${name} has to be an address such as https://huggingface.co, without a name, a password or a query.`;
    throw new AppError('USAGE', message, { variable: name });
  }
  return url.href.replace(/\/+$/, '');
}

function readToken(text: string, name: string): string | null {
  if (text === '') return null;
  // A header takes no others, and the error of the request would repeat them.
  if (!/^[\x21-\x7e]+$/.test(text))
    throw new AppError('USAGE', `${name} holds a character that no token has.`, { variable: 'HF_TOKEN' });
  return text;
}
