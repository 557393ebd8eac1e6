// Files from a hub that throttles, cuts, corrupts, leads elsewhere and refuses: what arrives is what the hub promised,
// or an error that says what to do.
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src-main/contract/errors.ts';
import type { HubModel } from '../../../src-main/contract/hub-model.ts';
import type { Progress } from '../../../src-main/contract/progress.ts';
import { fetchModel } from '../../../src-main/engine/hub/fetch-model.ts';
import { hubSettings, type HubSettings } from '../../../src-main/engine/hub/settings.ts';
import { openSnapshot } from '../../../src-main/engine/hub/snapshot.ts';
import { temporaryFolder } from '../../support/engine.ts';
import { canMount, smallDisk } from '../../support/small-disk.ts';
import { startHubServer, type FaultOf, type HubServer, type HubServerOptions } from '../../support/hub-server.ts';

const MB = 10 ** 6;
const weights = randomBytes(3 * MB);
const files = {
  'config.json': Buffer.from('{"model_type":"llama"}'),
  'README.md': Buffer.from('# A model'),
  'model.safetensors': weights,
  'pytorch_model.bin': randomBytes(20_000),
  'onnx/model.onnx': randomBytes(20_000),
};
const impatient = { rangeBytes: MB, firstDelayMs: 20, longestDelayMs: 50, longestAskedMs: 500, stallMs: 400 };

interface Fetching {
  home?: string;
  address?: string;
  signal?: AbortSignal;
  report?: (progress: Progress) => void;
  settings?: Partial<HubSettings>;
  environment?: NodeJS.ProcessEnv;
  free?: number;
  warnings?: string[];
}

async function fetchFrom(server: HubServer, options: Fetching = {}): Promise<HubModel> {
  const { home = temporaryFolder(), address = 'hub:owner/name', signal = new AbortController().signal } = options;
  const { report = () => {}, warnings = [], free } = options;
  const settings = hubSettings({ HF_ENDPOINT: server.endpoint, ...options.environment });
  const hub = {
    settings: { ...settings, pace: impatient, ...options.settings },
    ...{ folder: path.join(home, 'models/hub'), signal, warn: (warning: string) => void warnings.push(warning) },
    ...(free === undefined ? {} : { free: async () => free }),
  };
  const snapshot = await openSnapshot(hub, address);
  return fetchModel(hub, snapshot, { report });
}

const serve = (fault: FaultOf = () => null, options: Partial<HubServerOptions> = {}): Promise<HubServer> =>
  startHubServer({ files, fault, ...options });
const refused = async (fetching: Promise<unknown>): Promise<AppError> =>
  fetching.then(
    () => expect.fail('it succeeded'),
    (error: unknown) => AppError.from(error),
  );
const bytesIn = (folder: string, name = 'model.safetensors'): Buffer => readFileSync(path.join(folder, name));
/** Names below a folder. */
const namesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();

describe('a download', () => {
  it('brings the needed files, and nothing of other formats', async () => {
    const server = await serve();
    const { path: folder, commit, bytes, fetchedBytes, files: used } = await fetchFrom(server);
    expect(namesIn(folder!)).toEqual(['README.md', 'config.json', 'model.safetensors']);
    expect(bytesIn(folder!).equals(weights)).toBe(true);
    expect(folder!).toMatch(new RegExp(`models/hub/owner--name/${commit}/name$`));
    expect(bytes).toBe(fetchedBytes);
    expect(used.map(({ name }) => name).sort()).toEqual(namesIn(folder!));
  });

  it('fetches nothing twice', async () => {
    const server = await serve();
    const home = temporaryFolder();
    await fetchFrom(server, { home });
    const sent = server.sentBytes();
    expect((await fetchFrom(server, { home })).fetchedBytes).toBe(0);
    expect(server.sentBytes()).toBe(sent);
  });

  it('reads a listing of several pages through a mirror that repeats the address of the hub', async () => {
    const server = await serve(undefined, { pageSize: 2 });
    expect(namesIn((await fetchFrom(server)).path!)).toHaveLength(3);
  });

  it('comes from a mirror below an address of its own, from whose pages the token goes nowhere else', async () => {
    const server = await serve(undefined, { prefix: '/mirrors/hf', pageSize: 2, token: 'hf_secret' });
    const { path: folder } = await fetchFrom(server, { environment: { HF_TOKEN: 'hf_secret' } });
    expect(namesIn(folder!)).toHaveLength(3);
    expect(bytesIn(folder!).equals(weights)).toBe(true);
  });

  it('shows its token to the hub, and not to the store of another origin', async () => {
    const server = await serve(undefined, { token: 'hf_secret' });
    await fetchFrom(server, { environment: { HF_TOKEN: ' hf_secret\n' } });
    const shown = (host: string): Set<string | null> =>
      new Set(server.requests.filter((request) => request.host === host).map(({ authorization }) => authorization));
    expect(shown('hub')).toEqual(new Set(['Bearer hf_secret']));
    expect(shown('store')).toEqual(new Set([null]));
  });

  it('asks for ranges of one large file side by side', async () => {
    const server = await serve(({ host }) => (host === 'store' ? { bytesPerSecond: MB } : null));
    const start = performance.now();
    const { path: folder } = await fetchFrom(server);
    const ranges = server.requests.filter(({ host }) => host === 'store').map(({ range }) => range);
    expect(ranges.sort()).toEqual(['bytes=0-999999', 'bytes=1000000-1999999', 'bytes=2000000-2999999']);
    expect(bytesIn(folder!).equals(weights)).toBe(true);
    // One after the other they would take three seconds.
    expect(performance.now() - start).toBeLessThan(2500);
  });
});

describe('a download goes on', () => {
  it('behind the bytes that came before a cut', async () => {
    const server = await serve(({ host, nth }) => (host === 'store' && nth <= 3 ? { cutAfter: 500_000 } : null));
    const { path: folder } = await fetchFrom(server, { settings: { pace: { ...impatient, rangeBytes: 64 * MB } } });
    expect(bytesIn(folder!).equals(weights)).toBe(true);
    const starts = server.requests.filter(({ host }) => host === 'store').map(({ range }) => parseInt(range!.slice(6)));
    expect(starts).toHaveLength(4);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    expect(server.sentBytes()).toBeLessThan(weights.length + 3 * 200_000);
  });

  it.each([500, 502, 503, 429])('after answers of %i', async (status) => {
    const server = await serve(({ nth }) => (nth <= 2 ? { status, headers: { 'retry-after': '0' } } : null));
    expect(bytesIn((await fetchFrom(server)).path!).equals(weights)).toBe(true);
  });

  it('after a link to the store that is no longer good', async () => {
    const server = await serve(({ host, nth }) => (host === 'store' && nth === 1 ? { status: 403 } : null));
    expect(bytesIn((await fetchFrom(server)).path!).equals(weights)).toBe(true);
  });

  it('after a connection that stalls', async () => {
    const server = await serve(({ host, nth }) => (host === 'store' && nth === 1 ? { stall: true } : null));
    expect(bytesIn((await fetchFrom(server)).path!).equals(weights)).toBe(true);
  });

  it('with a store that knows no ranges, also after a cut', async () => {
    const server = await serve(({ host, nth }) =>
      host === 'store' ? { ignoreRange: true, ...(nth === 1 ? { cutAfter: MB } : {}) } : null,
    );
    expect(bytesIn((await fetchFrom(server)).path!).equals(weights)).toBe(true);
  });

  it('from where it was when the network went, once it is back', async () => {
    const home = temporaryFolder();
    const server = await serve(({ host }) => (host === 'store' ? { bytesPerSecond: 2 * MB } : null));
    const closings: Promise<void>[] = [];
    const report = ({ done }: Progress): void => {
      if (done > MB && closings.length === 0) closings.push(server.close());
    };
    const error = await refused(fetchFrom(server, { home, report }));
    await Promise.all(closings);
    expect(error).toMatchObject({ code: 'HUB_UNAVAILABLE' });
    expect(error.message).toContain('what is here already is kept');
    const back = await serve();
    const { path: folder, fetchedBytes } = await fetchFrom(back, { home });
    expect(bytesIn(folder!).equals(weights)).toBe(true);
    expect(fetchedBytes).toBeLessThan(weights.length - 0.9 * MB);
  });

  it('from where a cancelled run stopped', async () => {
    const server = await serve(({ host }) => (host === 'store' ? { bytesPerSecond: 2 * MB } : null));
    const home = temporaryFolder();
    const controller = new AbortController();
    const report = ({ done }: Progress): void => void (done > MB && controller.abort());
    const error = await refused(fetchFrom(server, { home, signal: controller.signal, report }));
    expect(error.code).toBe('CANCELLED');
    await sleep(100);
    const before = server.sentBytes();
    const resumed = await fetchFrom(server, { home });
    expect(bytesIn(resumed.path!).equals(weights)).toBe(true);
    expect(resumed.fetchedBytes).toBeLessThanOrEqual(weights.length - MB);
    expect(server.sentBytes() - before).toBeLessThan(weights.length - MB + 200_000);
    expect(namesIn(resumed.path!)).toEqual(['README.md', 'config.json', 'model.safetensors']);
  });

  it('anew where the file became another one meanwhile', async () => {
    const server = await serve(({ host }) => (host === 'store' ? { bytesPerSecond: 2 * MB } : null));
    const home = temporaryFolder();
    const controller = new AbortController();
    const report = ({ done }: Progress): void => void (done > MB && controller.abort());
    await refused(fetchFrom(server, { home, signal: controller.signal, report }));
    const other = randomBytes(weights.length);
    server.files = { ...files, 'model.safetensors': other };
    server.fault = () => null;
    // A repository that was pushed over without a new commit: only another listing tells.
    const listing = path.join(home, 'models/hub/owner--name', server.commit, 'files.json');
    rmSync(listing);
    const { path: folder, fetchedBytes } = await fetchFrom(server, { home });
    expect(bytesIn(folder!).equals(other)).toBe(true);
    expect(fetchedBytes).toBe(other.length);
  });
});

describe('a download that is wrong', () => {
  it('comes again once', async () => {
    const server = await serve(({ host, nth }) => (host === 'store' && nth === 1 ? { corrupt: true } : null));
    expect(bytesIn((await fetchFrom(server)).path!).equals(weights)).toBe(true);
  });

  it.each(['model.safetensors', 'config.json'])('twice is refused: %s', async (name) => {
    const server = await serve(({ file, host }) =>
      file === name && (host === 'store' || name === 'config.json') ? { corrupt: true } : null,
    );
    const home = temporaryFolder();
    const error = await refused(fetchFrom(server, { home }));
    expect(error).toMatchObject({ code: 'CHECKSUM_MISMATCH' });
    expect(error.message).toContain(`hub:owner/name:${name} came twice with other content`);
    expect(existsSync(path.join(home, 'models/hub/owner--name', server.commit, 'name', name))).toBe(false);
  });

  it('is refused by the name the hub gives it, before it comes', async () => {
    const server = await serve(({ host, file, nth }) => {
      if (file !== 'model.safetensors') return null;
      if (host === 'store') return { cutAfter: 500_000 };
      return nth > 3 ? { etag: 'e'.repeat(64) } : null;
    });
    const error = await refused(fetchFrom(server));
    expect(error).toMatchObject({ code: 'CHECKSUM_MISMATCH', details: { actual: 'e'.repeat(64) } });
  });
});

describe('a hub that refuses', () => {
  const onApi =
    (status: number, code: string, message = ''): FaultOf =>
    () => ({
      status,
      headers: { 'x-error-code': code, 'x-error-message': message },
    });

  it.each([
    [
      'gated, without a token',
      onApi(401, 'GatedRepo'),
      {},
      'HUB_GATED',
      'then set HF_TOKEN to a token of that account',
    ],
    [
      'gated, with one',
      onApi(403, 'GatedRepo'),
      { HF_TOKEN: 'hf_x' },
      'HUB_GATED',
      'the account of the token in HF_TOKEN has no access yet',
    ],
    [
      'a wrong token',
      onApi(401, '', 'Invalid credentials in Authorization header'),
      { HF_TOKEN: 'hf_x' },
      'HUB_GATED',
      'does not accept the token',
    ],
    ['no such repository', onApi(404, 'RepoNotFound'), {}, 'HUB_NOT_FOUND', 'a private one needs a token in HF_TOKEN'],
    [
      'no such repository, as the hub says it to strangers',
      onApi(401, ''),
      {},
      'HUB_NOT_FOUND',
      'check owner and name',
    ],
    ['no such revision', onApi(404, 'RevisionNotFound'), {}, 'HUB_NOT_FOUND', 'no such revision'],
    [
      'a disabled repository',
      onApi(403, '', 'Access to this resource is disabled.'),
      {},
      'HUB_GATED',
      'Access to this resource is disabled.',
    ],
    ['a hub that is down', onApi(503, ''), {}, 'HUB_UNAVAILABLE', 'tried 4 times; the hub answered 503'],
    [
      'too many requests',
      () => ({ status: 429, headers: { ratelimit: '"api";r=0;t=55' } }),
      {},
      'HUB_UNAVAILABLE',
      'to wait 55 s; a token in HF_TOKEN raises its limit',
    ],
    ['what is no hub', () => ({ status: 200 }), {}, 'HUB_UNAVAILABLE', 'check HF_ENDPOINT'],
  ] as [string, FaultOf, NodeJS.ProcessEnv, string, string][])('%s', async (...[, fault, environment, code, text]) => {
    const error = await refused(fetchFrom(await serve(fault), { environment }));
    expect(error).toMatchObject({ code });
    expect(error.message).toContain(text);
    expect(JSON.stringify(error.toShape())).not.toContain('hf_x');
  });

  it('a file that is gone', async () => {
    const server = await serve(({ file }) =>
      file === 'model.safetensors' ? { status: 404, headers: { 'x-error-code': 'EntryNotFound' } } : null,
    );
    expect((await refused(fetchFrom(server))).message).toContain(
      'hub:owner/name:model.safetensors: the repository has no such file',
    );
  });

  it('nobody listens', async () => {
    const server = await serve();
    await server.close();
    const error = await refused(fetchFrom(server));
    expect(error).toMatchObject({ code: 'HUB_UNAVAILABLE', details: { reason: 'ECONNREFUSED' } });
  });

  it('never tells the signature of a link', async () => {
    const server = await serve(({ host }) => (host === 'store' ? { status: 403 } : null));
    const error = await refused(fetchFrom(server));
    expect(error.code).toBe('HUB_UNAVAILABLE');
    expect(JSON.stringify(error.toShape())).not.toContain('secret');
  });
});

describe('space on the disk', () => {
  it('is looked at before anything is fetched, and the error has both numbers', async () => {
    const server = await serve();
    const error = await refused(fetchFrom(server, { free: MB }));
    expect(error).toMatchObject({
      code: 'DISK_FULL',
      details: { free: MB, needed: weights.length + 31 + 64 * 2 ** 20 },
    });
    expect(error.message).toContain('70.1 MB are needed, 1.00 MB are free');
    expect(server.sentBytes()).toBe(0);
  });
});

describe.skipIf(!canMount)('a disk that another program fills meanwhile', () => {
  it('is told of, and what is there is kept', async () => {
    const { folder: home, grow } = smallDisk(2);
    // What was noted before the disk was full counts: a note of the last moment has no room any more.
    const server = await serve(({ host }) => (host === 'store' ? { bytesPerSecond: 400_000 } : null));
    const error = await refused(fetchFrom(server, { home, free: 10 ** 12 }));
    expect(error).toMatchObject({ code: 'DISK_FULL' });
    expect(namesIn(home)).not.toContainEqual(expect.stringMatching(/model\.safetensors$/));
    grow(20);
    server.fault = () => null;
    const { path: folder, fetchedBytes } = await fetchFrom(server, { home, free: 10 ** 12 });
    expect(bytesIn(folder!).equals(weights)).toBe(true);
    expect(fetchedBytes).toBeLessThan(weights.length - 0.7 * MB);
  });
});

describe('offline', () => {
  it('serves what is here, and asks nobody', async () => {
    const server = await serve();
    const home = temporaryFolder();
    const { path: folder } = await fetchFrom(server, { home });
    const asked = server.requests.length;
    const again = await fetchFrom(server, { home, environment: { HF_HUB_OFFLINE: '1' } });
    expect(again).toMatchObject({ path: folder, fetchedBytes: 0 });
    expect(server.requests.length).toBe(asked);
  });

  it('says what is missing', async () => {
    const server = await serve();
    const error = await refused(fetchFrom(server, { environment: { HF_HUB_OFFLINE: 'yes' } }));
    expect(error).toMatchObject({ code: 'HUB_OFFLINE' });
    expect(error.message).toContain('it was never asked for on this machine');
    expect(server.requests).toEqual([]);
  });

  it('a commit that is here is not asked for again', async () => {
    const server = await serve();
    const home = temporaryFolder();
    await fetchFrom(server, { home });
    await server.close();
    expect((await fetchFrom(server, { home, address: `hub:owner/name@${server.commit}` })).fetchedBytes).toBe(0);
  });

  it('a hub that does not answer is no hindrance where the model is here', async () => {
    const server = await serve();
    const home = temporaryFolder();
    await fetchFrom(server, { home });
    await server.close();
    const warnings: string[] = [];
    expect((await fetchFrom(server, { home, warnings })).fetchedBytes).toBe(0);
    expect(warnings.join()).toContain(`Commit ${server.commit} of hub:owner/name is here and was used.`);
  });
});

describe('processes', () => {
  const program = fileURLToPath(import.meta.resolve('./fetch-main.ts'));
  const start = (server: HubServer, home: string): ChildProcess =>
    fork(program, [home, 'hub:owner/name'], { env: { ...process.env, HF_ENDPOINT: server.endpoint }, silent: true });
  const exitOf = async (child: ChildProcess): Promise<number | null> =>
    new Promise((resolve) => child.once('exit', (code) => resolve(code)));
  const slow: FaultOf = ({ host }) => (host === 'store' ? { bytesPerSecond: MB } : null);

  it('a killed one leaves what the next goes on from', async () => {
    const server = await serve(slow);
    const home = temporaryFolder();
    const child = start(server, home);
    while (server.sentBytes() < 1.5 * MB) await sleep(20);
    const exit = exitOf(child);
    child.kill('SIGKILL');
    await exit;
    const before = server.sentBytes();
    expect(before).toBeLessThan(weights.length);
    server.fault = () => null;
    const { path: folder, fetchedBytes } = await fetchFrom(server, { home });
    expect(bytesIn(folder!).equals(weights)).toBe(true);
    // What is fetched again is what came since the state was noted last, and what was on its way.
    expect(server.sentBytes()).toBeLessThan(weights.length + MB);
    expect(fetchedBytes).toBeLessThan(weights.length - 0.5 * MB);
    expect(namesIn(folder!)).toEqual(['README.md', 'config.json', 'model.safetensors']);
  });

  it('two that want one model share the work of one', async () => {
    const server = await serve(slow);
    const home = temporaryFolder();
    const exits = await Promise.all([start(server, home), start(server, home)].map(exitOf));
    expect(exits).toEqual([0, 0]);
    const { path: folder, fetchedBytes } = await fetchFrom(server, { home });
    expect(bytesIn(folder!).equals(weights)).toBe(true);
    expect(fetchedBytes).toBe(0);
    expect(namesIn(folder!)).toEqual(['README.md', 'config.json', 'model.safetensors']);
    const ofStore = server.requests.filter(({ host }) => host === 'store');
    expect(ofStore.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(weights.length);
  });

  it('one waits for another, and goes on with its work when that is killed', async () => {
    const server = await serve(slow);
    const home = temporaryFolder();
    const first = start(server, home);
    while (server.sentBytes() < MB) await sleep(20);
    const second = start(server, home);
    await sleep(700);
    first.kill('SIGKILL');
    expect(await exitOf(second)).toBe(0);
    const { path: folder } = await fetchFrom(server, { home });
    expect(bytesIn(folder!).equals(weights)).toBe(true);
    expect(namesIn(folder!)).toEqual(['README.md', 'config.json', 'model.safetensors']);
  });
});
