// Starts of the real Electron: with a model, while one runs, beside another, and where the last one was.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { sampleModel } from '../support/paths.ts';
import { eventually, launch, type RunningApp } from './app.ts';
import { isVisible, open, startAgain, type Bridge } from './open-window.ts';

declare const app: Bridge;

const modelsOpened = (page: RunningApp['page']): Promise<string[]> =>
  page.evaluate(() => (window as unknown as { opened: string[] }).opened);

async function collectOpened(page: RunningApp['page']): Promise<void> {
  await page.evaluate(() => {
    const opened: string[] = [];
    Object.assign(window, { opened });
    app.onOpenModel((model) => void opened.push(model));
  });
}

describe('a start', () => {
  it('opens the model that it is given', async () => {
    const { page } = await open({}, { args: [sampleModel] });
    await page.getByText(path.basename(sampleModel)).first().waitFor();
    await page.getByRole('heading', { level: 1 }).filter({ hasText: /fit/i }).waitFor();
  });

  it('while one runs, hands over its model and ends; what is no model only brings the window forward', async () => {
    const running = await open();
    const { page, electron } = running;
    await collectOpened(page);
    await electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.hide());
    await startAgain(running, ['snug://open?model=/etc/passwd']);
    await eventually(() => isVisible(running));
    await startAgain(running, [path.basename(sampleModel)], path.dirname(sampleModel));
    await startAgain(running, ['snug://hub/owner/name']);
    await eventually(async () => (await modelsOpened(page)).includes('hub:owner/name')); // the last that is told
    expect(await modelsOpened(page)).toEqual([sampleModel, 'hub:owner/name']);
    expect(electron.windows()).toHaveLength(1);
  });

  it('with another user data is another Snug', async () => {
    const [first, second] = [await open(), await open()];
    for (const { page } of [first, second]) expect(await page.title()).toBe('Snug');
    expect(second.electron.process().pid).not.toBe(first.electron.process().pid);
  });

  it('finds the window where it was, and speaks the language of its page', async () => {
    const first = await launch();
    const bounds = { x: 40, y: 30, width: 960, height: 640 };
    await first.electron.evaluate(
      ({ BrowserWindow }, wanted) => BrowserWindow.getAllWindows()[0]!.setBounds(wanted),
      bounds,
    );
    const kept = path.join(first.folder, 'window/window.json');
    await eventually(async () => existsSync(kept) && readFileSync(kept, 'utf8').includes('960'));
    const text = readFileSync(kept, 'utf8');
    await first.close();
    const second = await launch();
    onTestFinished(() => second.close());
    await second.electron.close();
    writeFileSync(path.join(second.folder, 'window/window.json'), text);
    const third = await open({}, { folder: second.folder });
    const opened = await third.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.getBounds());
    expect(opened).toMatchObject({ width: 960, height: 640 });
    await third.page.evaluate(() => app.setLanguage('de'));
    const menus = (): Promise<string[]> =>
      third.electron.evaluate(({ Menu }) => Menu.getApplicationMenu()!.items.map(({ label }) => label));
    await eventually(async () => (await menus())[0] === 'Datei');
    expect((await menus()).slice(0, 3)).toEqual(['Datei', 'Bearbeiten', 'Ansicht']);
  });
});
