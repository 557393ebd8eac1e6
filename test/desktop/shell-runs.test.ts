// What a run means for the system, and what becomes of it and of the engine when a page, a process or the system ends.
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { closeDuringRun, eventually, fitWaitMs } from './app.ts';
import { askEngine, startSampleFit, stateOf } from './engine-port.ts';
import { isVisible, open, startAgain } from './open-window.ts';
import { findEngine, processesOf, survivors } from './processes.ts';

describe('a run', () => {
  it(
    'keeps the machine awake, goes on without its window, and is there again when the window is',
    async () => {
      const running = await open();
      const { page, electron, folder } = running;
      const output = path.join(folder, 'made.gguf');
      await electron.evaluate(({ powerSaveBlocker, Notification, Tray }) => {
        const seen = { awake: false, notes: [] as string[], tray: '' };
        const { start, stop } = powerSaveBlocker;
        powerSaveBlocker.start = (type) => {
          seen.awake = true;
          return start.call(powerSaveBlocker, type);
        };
        powerSaveBlocker.stop = (id) => {
          seen.awake = false;
          return stop.call(powerSaveBlocker, id);
        };
        Notification.isSupported = () => true;
        Notification.prototype.show = function show(this: Electron.Notification) {
          seen.notes.push(this.title);
        };
        const { setToolTip } = Tray.prototype;
        Tray.prototype.setToolTip = function tell(this: Electron.Tray, text: string) {
          seen.tray = text;
          setToolTip.call(this, text);
        };
        Object.assign(globalThis, { seen });
      });
      const seen = (): Promise<{ awake: boolean; notes: string[]; tray: string }> =>
        electron.evaluate(
          () => (globalThis as unknown as { seen: { awake: boolean; notes: string[]; tray: string } }).seen,
        );
      const id = await startSampleFit(page, output, 128);
      await eventually(async () => (await seen()).awake);
      expect(await closeDuringRun(running, 'Stay')).toBe('open');
      expect(await isVisible(running)).toBe(true);
      expect(await closeDuringRun(running, 'Keep running')).toBe('open');
      expect(await isVisible(running)).toBe(false);
      expect((await seen()).tray).toContain('made.gguf');
      const deadline = performance.now() + fitWaitMs;
      while ((await stateOf(page, id)) !== 'done' && performance.now() < deadline) await sleep(500);
      expect(existsSync(output)).toBe(true);
      await eventually(async () => !(await seen()).awake); // the shell hears of it by itself
      expect((await seen()).notes).toEqual(['made.gguf is done']);
      await startAgain(running, []);
      await eventually(() => isVisible(running));
    },
    fitWaitMs + 60_000,
  );

  it('survives a crash of the page, which is opened again and told', async () => {
    const running = await open();
    const { page, electron, folder } = running;
    const id = await startSampleFit(page, path.join(folder, 'made.gguf'));
    // The crash comes behind the answer: what is asked while a page goes may never be answered.
    await electron.evaluate(({ BrowserWindow, dialog }) => {
      const { webContents } = BrowserWindow.getAllWindows()[0]!;
      dialog.showMessageBox = ((_window: unknown, { message }: Electron.MessageBoxOptions) => {
        process.env['SNUG_TEST_TOLD'] = message;
        return Promise.resolve({ response: 0, checkboxChecked: false });
      }) as typeof dialog.showMessageBox;
      setTimeout(() => webContents.forcefullyCrashRenderer(), 100);
    });
    const told = (): Promise<string | undefined> => electron.evaluate(() => process.env['SNUG_TEST_TOLD']);
    await expect.poll(told, { timeout: 30_000 }).toBe('The window crashed and was opened again.');
    // Playwright has lost its page; the window speaks for itself. A page that is still loading may take an answer along.
    const ask = (script: string): Promise<unknown> =>
      electron.evaluate(
        ({ BrowserWindow }, text) =>
          Promise.race([
            BrowserWindow.getAllWindows()[0]!.webContents.executeJavaScript(text),
            new Promise((resolve) => setTimeout(resolve, 5000, 'no answer')),
          ]),
        script,
      );
    await expect.poll(() => ask('document.readyState'), { timeout: 30_000 }).toBe('complete');
    const listJobs = `new Promise((resolve) => {
      // It may be the port of the page itself, which has requests of its own.
      addEventListener('message', ({ ports: [port] }) => {
        if (!port) return;
        const own = 1e9;
        port.addEventListener('message', ({ data }) => {
          if (data.kind === 'result' && data.id === own) resolve(data.result.jobs.map(({ id }) => id));
        });
        port.start();
        port.postMessage({ kind: 'request', id: own, method: 'jobs.list', params: {} });
      });
      void app.startEngine();
    })`;
    await expect.poll(() => ask(listJobs), { timeout: 60_000 }).toEqual([id]);
    const pids = processesOf(running);
    electron.process().kill('SIGTERM'); // else its end would ask about the run
    expect(await survivors(pids, 8000)).toEqual([]);
  });

  it('is stopped in order by the signal of a system that shuts down, without a question', async () => {
    const running = await open();
    await startSampleFit(running.page, path.join(running.folder, 'made.gguf'));
    const pids = processesOf(running);
    running.electron.process().kill('SIGTERM');
    expect(await survivors(pids, 8000)).toEqual([]);
  });
});

describe('the engine', () => {
  it('holds nothing of the window open, whose page could else die unseen', async () => {
    const running = await open();
    await askEngine(running.page, 'jobs.list', {});
    const engine = findEngine(running);
    const sockets = (): string[] =>
      heldBy(engine).flatMap(
        ({ descriptor, file }) => (descriptor > 3 && file.startsWith('socket:') ? [file] : []), // 3: its channel to the shell
      );
    const others = processesOf(running).filter((pid) => pid !== engine);
    const heldByOthers = new Set(others.flatMap(heldBy).map(({ file }) => file));
    expect(sockets().filter((socket) => heldByOthers.has(socket))).toEqual([]);
    await expect.poll(sockets, { timeout: 30_000 }).toEqual([]); // those to its own children go with them
    const files = heldBy(engine);
    expect(files.filter(({ file }) => /chromium|electron|\/window\//i.test(file))).toEqual([]);
    expect(files.some(({ file }) => file.endsWith('catalog.sqlite'))).toBe(true);
  });

  it('is one for the page, however often the page connects, and a new one when it has died', async () => {
    const running = await open();
    await askEngine(running.page, 'jobs.list', {});
    const first = findEngine(running);
    await running.page.reload();
    await askEngine(running.page, 'jobs.list', {});
    expect(findEngine(running)).toBe(first);
    process.kill(first, 'SIGKILL');
    expect(await survivors([first], 5000)).toEqual([]);
    await running.page.getByRole('heading', { name: 'The engine stopped' }).waitFor(); // the shell has heard of it
    await askEngine(running.page, 'jobs.list', {});
    expect(findEngine(running)).not.toBe(first);
  });
});

/** What the descriptors of a process are open on: paths, and `socket:[n]` and the like with their inodes. */
function heldBy(pid: number): { descriptor: number; file: string }[] {
  const opened = `/proc/${pid}/fd`;
  const names = existsSync(opened) ? readdirSync(opened) : []; // it may have ended meanwhile
  return names.map((name) => ({ descriptor: Number(name), file: readlinkOrNone(path.join(opened, name)) }));
}

function readlinkOrNone(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return ''; // closed meanwhile
  }
}
