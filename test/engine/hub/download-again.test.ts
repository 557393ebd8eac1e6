// A download from a hub that throttles, stalls and cuts, or was stopped: it goes on where it was, also in another process.
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Progress } from '../../../src-main/contract/progress.ts';
import { temporaryFolder } from '../../support/engine.ts';
import {
  bytesIn,
  fetchFrom,
  files,
  impatient,
  MB,
  namesIn,
  refused,
  serve,
  weights,
} from '../../support/hub-fetching.ts';
import type { FaultOf, HubServer } from '../../support/hub-server.ts';

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
