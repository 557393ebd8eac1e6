// Files from a hub: what arrives is what the hub promised, whole and once.
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/engine.ts';
import { bytesIn, fetchFrom, MB, namesIn, serve, weights } from '../../support/hub-fetching.ts';

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
