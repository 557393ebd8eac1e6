// A hub that leads on to what is no address, by a redirect or to the next page of a listing, is a hub that does not answer.
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src-main/contract/errors.ts';
import { fetchModel } from '../../../src-main/engine/hub/fetch-model.ts';
import { hubSettings } from '../../../src-main/engine/hub/settings.ts';
import { openSnapshot, type Hub } from '../../../src-main/engine/hub/snapshot.ts';
import { temporaryFolder } from '../../support/engine.ts';
import { startHubServer, type FaultOf, type HubServer } from '../../support/hub-server.ts';

const location = 'http://[::bad';
const files = {
  'config.json': Buffer.from('{}'),
  'model.safetensors': Buffer.alloc(100),
  'tokenizer.json': Buffer.from('{}'),
};

async function errorFrom(server: HubServer): Promise<AppError> {
  const hub: Hub = {
    settings: hubSettings({ HF_ENDPOINT: server.endpoint }),
    folder: path.join(temporaryFolder(), 'models'),
    signal: new AbortController().signal,
    warn: () => {},
  };
  return openSnapshot(hub, 'hub:owner/name')
    .then((snapshot) => fetchModel(hub, snapshot, { report: () => {} }))
    .then(
      () => expect.fail('it succeeded'),
      (error: unknown) => AppError.from(error),
    );
}

describe('a hub that leads to what is no address', () => {
  it.each([
    ['from a question', ({ path: asked }) => asked.includes('/revision/')],
    ['from a file', ({ file }) => file === 'config.json'],
  ] as [string, (request: Parameters<FaultOf>[0]) => boolean][])('%s', async (_, isIt) => {
    const fault: FaultOf = (request) => (isIt(request) ? { status: 302, headers: { location } } : null);
    const error = await errorFrom(await startHubServer({ files, fault }));
    expect(error).toMatchObject({ code: 'HUB_UNAVAILABLE' });
    expect(error.message).toContain('leads to what is no address');
  });

  it.each([location, 'mailto:someone', 'data:.elsewhere'])('for the next page of a listing: %s', async (link) => {
    const error = await errorFrom(await startHubServer({ files, pageSize: 2, link }));
    expect(error).toMatchObject({ code: 'HUB_UNAVAILABLE' });
    expect(error.message).toContain('its next page has no address');
  });
});
