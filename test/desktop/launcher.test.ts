// How the engine is started: which mode is chosen, and that a mode which cannot work says so in the window.
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { adviseOnExit, chooseLauncher, requiredNodeApi, type Surroundings } from '../../src-main/shell/launcher-mode.ts';
import { launch, type LaunchOptions, type RunningApp } from './app.ts';

const around = (environment: Record<string, string>, nodeApi = requiredNodeApi, packagedNode: string | null = null): Surroundings => ({
  environment,
  nodeApi,
  electron: '33.2.1',
  mainFolder: '/app.asar/dist/main',
  packagedNode,
});

describe('the launcher', () => {
  it('runs the engine inside a recent Electron', () => {
    expect(chooseLauncher(around({}))).toEqual({ kind: 'utility', entry: '/app.asar/dist/main/engine.js' });
  });

  it('runs it in a Node child where SNUG_NODE names one, unless the mode is asked for', () => {
    const node = { kind: 'node', entry: '/app.asar.unpacked/dist/main/engine.js', program: '/n' };
    expect(chooseLauncher(around({ SNUG_NODE: '/n' }))).toEqual(node);
    expect(chooseLauncher(around({ SNUG_LAUNCHER: 'node' }, requiredNodeApi, '/n'))).toEqual(node);
    expect(chooseLauncher(around({ SNUG_NODE: '/n', SNUG_LAUNCHER: 'utility' })).kind).toBe('utility');
  });

  it('runs it in the Node of the package where Electron is too old', () => {
    expect(chooseLauncher(around({}, 9, '/resources/node'))).toMatchObject({ kind: 'node', program: '/resources/node' });
  });

  it('advises only where the way of starting explains the end', () => {
    const old = around({ SNUG_LAUNCHER: 'utility' }, 9);
    expect(adviseOnExit(chooseLauncher(old), old, false)).toContain('Node-API 9');
    const node = around({ SNUG_NODE: '/n' });
    expect(adviseOnExit(chooseLauncher(node), node, false)).toContain('SNUG_NODE names "/n"');
    expect(adviseOnExit(chooseLauncher(node), node, true)).toBeNull();
  });
});

async function open(options: LaunchOptions): Promise<RunningApp> {
  const app = await launch(options);
  onTestFinished(() => app.close());
  return app;
}

describe('the window', () => {
  it('says that this Electron cannot run the engine itself', async () => {
    const { page, electron } = await open({ environment: { SNUG_LAUNCHER: 'utility' } });
    const nodeApi = Number(await electron.evaluate(() => process.versions['napi']));
    if (nodeApi >= requiredNodeApi) return void (await page.getByText('Engine ready').waitFor());
    await page.getByRole('heading', { name: 'The engine stopped' }).waitFor({ timeout: 20_000 });
    await page.getByText(`it offers Node-API ${nodeApi}, and the catalog needs ${requiredNodeApi} or later`).waitFor();
  });

  it('talks to an engine in a utility process over a port of its own', async () => {
    const environment = { SNUG_LAUNCHER: 'utility', SNUG_ENGINE_ENTRY: path.join(import.meta.dirname, 'stub-engine.mjs') };
    const { page, complaints } = await open({ environment });
    await page.getByText('Engine ready').waitFor();
    await page.getByText('No graphics card found here').waitFor();
    await page.getByRole('button', { name: 'Try it on the sample' }).click();
    await page.getByRole('alert').getByText('This is a stand-in for the engine.').waitFor();
    expect(complaints).toEqual([]);
  });

  it('says that the Node it was told to use is not there', async () => {
    const { page } = await open({ environment: { SNUG_NODE: '/nowhere/node' } });
    await page.getByRole('heading', { name: 'The engine stopped' }).waitFor({ timeout: 20_000 });
    await page.getByText('SNUG_NODE names "/nowhere/node"').waitFor();
  });
});
