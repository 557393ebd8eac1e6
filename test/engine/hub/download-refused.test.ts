// A hub that corrupts or refuses, a disk without room, and no network at all: an error that says what to do, and nothing wrong is kept.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/engine.ts';
import { bytesIn, fetchFrom, MB, namesIn, refused, serve, weights } from '../../support/hub-fetching.ts';
import type { FaultOf } from '../../support/hub-server.ts';
import { canMount, smallDisk } from '../../support/small-disk.ts';

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

describe('a list of files that does not end', () => {
  const again = `/api/models/owner/name/tree/${'c0ffee'.padEnd(40, '0')}?cursor=0`;
  it.each([
    ['pages', { pageSize: 1, link: again }, '200 pages'],
    ['bytes', { pageSize: 1, link: again, pageBytes: 20 * MB }, '67108864 bytes'],
  ])('is refused by its %s in all', async (_, options, bound) => {
    const server = await serve(undefined, options);
    const error = await refused(fetchFrom(server));
    expect(error).toMatchObject({ code: 'HUB_UNAVAILABLE', details: { what: 'hub:owner/name', bound } });
    expect(error.message).toContain(`The list of files of hub:owner/name is longer than ${bound}`);
    expect(server.requests.filter(({ path: asked }) => asked.includes('/tree/')).length).toBeLessThanOrEqual(200);
    expect(server.requests.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(100 * MB);
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
