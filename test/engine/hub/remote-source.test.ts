// Bytes of a file on a hub: few requests, no byte twice, and no byte of another file.
import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readGgufHeader } from '../../../src-main/core/formats/gguf-header.ts';
import { openFileSource } from '../../../src-main/core/formats/file-source.ts';
import { KeptBlocks } from '../../../src-main/engine/hub/kept-blocks.ts';
import { remoteSource, type RemoteSource } from '../../../src-main/engine/hub/remote-source.ts';
import { hubSettings } from '../../../src-main/engine/hub/settings.ts';
import { startHubServer, type Fault, type HubServer } from '../../support/hub-server.ts';
import { sampleModel } from '../../support/paths.ts';
import { readFileSync } from 'node:fs';

const content = randomBytes(1_000_000);

async function serve(
  fault: Fault = {},
  bytes = content,
): Promise<{ server: HubServer; source: RemoteSource; open: (kept: KeptBlocks) => RemoteSource }> {
  const server = await startHubServer({
    files: { 'w.gguf': bytes },
    fault: ({ host }) => (host === 'store' ? fault : null),
  });
  const settings = hubSettings({ HF_ENDPOINT: server.endpoint });
  const pace = { ...settings.pace, firstDelayMs: 10, longestDelayMs: 20, stallMs: 1000 };
  const file = {
    name: 'w.gguf',
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    blob: 'b'.repeat(40),
  };
  const url = `${server.endpoint}/owner/name/resolve/${server.commit}/w.gguf`;
  const wanted = { what: 'hub:owner/name:w.gguf', page: server.endpoint };
  const { signal } = new AbortController();
  const open = (kept?: KeptBlocks): RemoteSource =>
    remoteSource({ ...settings, pace }, { file, url, wanted, signal }, kept);
  return { server, source: open(), open };
}

const ofStore = (server: HubServer): (string | null)[] =>
  server.requests.filter(({ host }) => host === 'store').map(({ range }) => range);

describe('a file on a hub', () => {
  it('is read like one on this machine', async () => {
    const { source } = await serve();
    for (const [offset, length] of [
      [0, 10],
      [65_530, 12],
      [65_536, 65_536],
      [999_990, 10],
      [0, 1_000_000],
      [500, 0],
    ] as const)
      expect(Buffer.from(await source.read(offset, length)).equals(content.subarray(offset, offset + length))).toBe(
        true,
      );
    await expect(source.read(999_999, 2)).rejects.toMatchObject({ code: 'FILE_MALFORMED' });
  });

  it('sends no byte twice', async () => {
    const { server, source } = await serve();
    await source.read(10, 100);
    await source.read(200, 100);
    expect(ofStore(server)).toEqual(['bytes=0-65535']);
    await source.read(0, 200_000);
    expect(ofStore(server)).toEqual(['bytes=0-65535', 'bytes=65536-262143']);
    expect(source.fetchedBytes).toBe(262_144);
  });

  it('is not asked for again for what another reader left, however little is kept', async () => {
    const { server, open } = await serve();
    const kept = new KeptBlocks(65_536);
    await open(kept).read(0, 100);
    const [first, second] = [open(kept), open(kept)];
    await first.read(100, 100);
    expect([first.fetchedBytes, ofStore(server).length]).toEqual([0, 1]);
    const all = await second.read(0, content.length);
    expect(Buffer.from(all).equals(content)).toBe(true);
    expect(ofStore(server)).toEqual(['bytes=0-65535', 'bytes=65536-999999']);
  });

  it('whose header is read in steps is not read beyond them', async () => {
    const { server, source } = await serve({}, readFileSync(sampleModel));
    const local = await openFileSource(sampleModel);
    const header = await readGgufHeader(source, { firstWindow: 65_536 });
    expect(header.tensors).toEqual((await readGgufHeader(local)).tensors);
    await local.close();
    expect(ofStore(server).length).toBeLessThanOrEqual(4);
    expect(source.fetchedBytes).toBeLessThan(4 * header.tensors[0]!.offset);
  });

  it('goes on after a cut, and is read from the start of a store that knows no ranges', async () => {
    const { server, source } = await serve({ ignoreRange: true });
    expect(Buffer.from(await source.read(0, 100)).equals(content.subarray(0, 100))).toBe(true);
    await expect(source.read(500_000, 100)).rejects.toMatchObject({ code: 'HUB_UNAVAILABLE' });
    server.fault = ({ host, nth }) => (host === 'store' && nth === 3 ? { cutAfter: 1000 } : null);
    expect(Buffer.from(await source.read(500_000, 100)).equals(content.subarray(500_000, 500_100))).toBe(true);
  });

  it('that became another one is refused', async () => {
    const { server, source } = await serve();
    await source.read(0, 10);
    server.fault = ({ host }) => (host === 'hub' ? { etag: 'e'.repeat(64) } : null);
    await expect(source.read(900_000, 10)).rejects.toMatchObject({ code: 'CHECKSUM_MISMATCH' });
  });
});
