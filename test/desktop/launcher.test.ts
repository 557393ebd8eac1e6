// How the engine is started: which mode is chosen, and that one which cannot do everything says so in the window.
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  adviseOnStart,
  chooseLauncher,
  neededNodeApi,
  type LauncherMode,
  type Surroundings,
} from '../../src-main/shell/launcher-mode.ts';
import { launch, type RunningApp } from './app.ts';

function choose(environment: Record<string, string>, rest: Partial<Surroundings> = {}): LauncherMode {
  return chooseLauncher({
    environment,
    nodeApi: neededNodeApi,
    mainFolder: '/app.asar/dist/main',
    packagedNode: null,
    ...rest,
  });
}

describe('the launcher', () => {
  it('runs the engine inside a recent Electron', () => {
    expect(choose({})).toEqual({ kind: 'utility', entry: '/app.asar.unpacked/dist/main/engine.js' });
  });

  it('runs it in a Node child where SNUG_NODE names one, unless the mode is asked for', () => {
    const node = { kind: 'node', entry: '/app.asar.unpacked/dist/main/engine.js', program: '/n' };
    expect(choose({ SNUG_NODE: '/n' })).toEqual(node);
    expect(choose({ SNUG_LAUNCHER: 'node' }, { packagedNode: '/n' })).toEqual(node);
    expect(choose({ SNUG_NODE: '/n', SNUG_LAUNCHER: 'utility' }).kind).toBe('utility');
  });

  it('runs it in the Node of the package where Electron is too old', () => {
    expect(choose({}, { nodeApi: neededNodeApi - 1, packagedNode: '/resources/node' })).toMatchObject({
      kind: 'node',
      program: '/resources/node',
    });
  });

  it('names the program that could not be started', () => {
    expect(adviseOnStart(choose({ SNUG_NODE: '/n' }))).toContain('"/n"');
    expect(adviseOnStart(choose({}))).toBeNull();
  });
});

async function open(environment: Record<string, string>): Promise<RunningApp> {
  const app = await launch(environment);
  onTestFinished(() => app.close());
  return app;
}

describe('the window', () => {
  it('says that an old Electron keeps no history', async () => {
    const { page, electron } = await open({ SNUG_LAUNCHER: 'utility' });
    const nodeApi = Number(await electron.evaluate(() => process.versions['napi']));
    await page.getByRole('button', { name: 'Try it on the sample' }).click();
    await page.getByRole('region', { name: 'Plans' }).waitFor({ timeout: 60_000 });
    const warning = page.getByText(`The history needs Node-API ${neededNodeApi}; this runtime has ${nodeApi}`);
    if (nodeApi < neededNodeApi) await warning.waitFor();
    else expect(await warning.count()).toBe(0);
  });

  it('says that the program for the engine is not there', async () => {
    const { page } = await open({ SNUG_NODE: '/nowhere/node' });
    await page.getByRole('heading', { name: 'The engine stopped' }).waitFor({ timeout: 20_000 });
    await page.getByText('The engine was started with "/nowhere/node"').waitFor();
  });

  it('says that the program for the engine is not a Node that can run it', async () => {
    const { page } = await open({ SNUG_NODE: '/bin/false' });
    await page.getByRole('heading', { name: 'The engine stopped' }).waitFor({ timeout: 20_000 });
    await page.getByText('The engine was started with "/bin/false"').waitFor();
  });
});
