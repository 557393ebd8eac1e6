// The user's settings: kept for the next Snug, checked before they are, and used by the engine.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { usualSettings } from '../../src-main/contract/settings.ts';
import { settingsInMemory } from '../../src-main/engine/catalog/settings.ts';
import { UserSettings } from '../../src-main/engine/user-settings.ts';
import { resultOf, startEngine, temporaryFolder } from '../support/engine.ts';
import { startHubServer } from '../support/hub-server.ts';

const context = { signal: new AbortController().signal, progress: () => {} } as never;

describe('settings', () => {
  it('outlive the engine, and leave what was not changed', async () => {
    const home = temporaryFolder();
    const first = await startEngine({ home });
    await first.call['settings.change']({ device: 'cpu', maxMemoryBytes: 2 ** 33 }, context);
    await first.call['settings.change']({ offline: true }, context);
    const { settings, folders } = await (await startEngine({ home })).call['settings.get']({}, context);
    expect(settings).toEqual({ ...usualSettings, device: 'cpu', maxMemoryBytes: 2 ** 33, offline: true });
    expect(folders).toEqual({ userData: home, models: path.join(home, 'models', 'hub') });
  });

  it('are checked first, and nothing is changed where one is wrong', async () => {
    const { call } = await startEngine();
    const file = path.join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    for (const [change, code] of [
      [{ hubEndpoint: 'ftp://hub' }, 'USAGE'],
      [{ hubEndpoint: 'https://me:word@hub' }, 'USAGE'],
      [{ modelsFolder: 'relative' }, 'USAGE'],
      [{ device: 'cpu', outputsFolder: path.join(file, 'below') }, 'NOT_WRITABLE'],
    ] as const)
      await expect(call['settings.change'](change, context), JSON.stringify(change)).rejects.toMatchObject({ code });
    expect((await call['settings.get']({}, context)).settings).toEqual(usualSettings);
  });

  it('say what of the environment goes before them', async () => {
    const { call } = await startEngine();
    await call['settings.change']({ hubEndpoint: 'https://mirror.example/hf/' }, context);
    expect(await call['settings.get']({}, context)).toMatchObject({
      hubEndpoint: 'https://mirror.example/hf',
      overrides: { hubEndpoint: false, offline: false },
    });
    vi.stubEnv('HF_ENDPOINT', 'https://other.example');
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect(await call['settings.get']({}, context)).toMatchObject({
      hubEndpoint: 'https://other.example',
      overrides: { hubEndpoint: true, offline: true },
    });
    vi.unstubAllEnvs();
  });

  it('that cannot be read are the usual ones', () => {
    const kept = settingsInMemory();
    kept.update('user', () => ({ device: 'quantum' }));
    expect(new UserSettings(kept).read()).toEqual(usualSettings);
  });

  it('decide which hub a download comes from, and where it is kept', async () => {
    const files = { 'config.json': Buffer.from('{}'), 'model.safetensors': Buffer.alloc(20_000, 7) };
    const hub = await startHubServer({ files });
    const engine = await startEngine();
    const folder = path.join(temporaryFolder(), 'not', 'yet');
    await engine.call['settings.change']({ hubEndpoint: hub.endpoint, modelsFolder: folder }, context);
    const { path: model } = resultOf(await engine.run({ verb: 'download', model: 'hub:owner/name' }), 'download');
    expect(readdirSync(model).toSorted()).toEqual(['config.json', 'model.safetensors']);
    expect(path.relative(folder, model)).toBe(path.join('owner--name', hub.commit, 'name'));
    expect(existsSync(path.join(engine.home, 'models'))).toBe(false);
  });

  it('keep the network unused, a search included', async () => {
    const hub = await startHubServer({ files: {} });
    const { call, run } = await startEngine();
    await call['settings.change']({ hubEndpoint: hub.endpoint, offline: true }, context);
    await expect(call['hub.search']({ words: 'a', limit: 5 }, context)).rejects.toMatchObject({ code: 'HUB_OFFLINE' });
    await expect(call['hub.files']({ repository: 'a/b' }, context)).rejects.toMatchObject({ code: 'HUB_OFFLINE' });
    await expect(call['hub.published']({ repository: 'a/b' }, context)).rejects.toMatchObject({ code: 'HUB_OFFLINE' });
    const { job } = await run({ verb: 'download', model: 'hub:owner/name' });
    expect(job).toMatchObject({ state: 'failed', error: { code: 'HUB_OFFLINE' } });
    expect(hub.requests).toEqual([]);
  });
});
