// The shell in the real Electron: what a page may not do, what a second start does, what a run means for the system.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { root, sampleModel } from '../support/paths.ts';
import { closeDuringRun, eventually, fitWaitMs, launch, type RunningApp } from './app.ts';
import { askEngine, startSampleFit, stateOf } from './engine-port.ts';
import { findEngine, processesOf, survivors } from './processes.ts';

interface Bridge {
  onOpenModel(listener: (model: string) => void): void;
  onCommand(listener: (command: string) => void): void;
  setLanguage(language: string): Promise<void>;
  openLink(link: string): Promise<void>;
  saveText(name: string, text: string): Promise<string | null>;
  savePdf(name: string): Promise<string | null>;
  showInFolder(path: string): Promise<void>;
  secrets: {
    obstacle(): Promise<string | null>;
    set(name: string, value: string): Promise<void>;
    has(name: string): Promise<boolean>;
    clear(name: string): Promise<void>;
  };
}
declare const app: Bridge;

async function open(...options: Parameters<typeof launch>): Promise<RunningApp> {
  const running = await launch(...options);
  onTestFinished(() => running.close());
  await running.page.waitForLoadState('load');
  return running;
}

describe('a page', () => {
  it('stays, opens nothing, is permitted nothing, reaches nobody and runs no text', async () => {
    const { page, electron } = await open();
    const before = page.url();
    const outside = path.join(root, 'package.json');
    const found = await page.evaluate(async (file) => {
      const refused = async (attempt: () => unknown): Promise<boolean> => {
        try {
          await attempt();
          return false;
        } catch {
          return true;
        }
      };
      const loads = (element: HTMLElement, attributes: Record<string, string>): Promise<boolean> =>
        new Promise((resolve) => {
          element.addEventListener('load', () => resolve(true));
          element.addEventListener('error', () => resolve(false));
          Object.assign(element, attributes);
          document.body.append(element);
        });
      const violated: string[] = [];
      document.addEventListener('securitypolicyviolation', ({ violatedDirective }) => violated.push(violatedDirective));
      for (const address of ['https://example.org', `file://${file}`, 'javascript:document.title="run"'])
        location.href = address;
      const form = Object.assign(document.createElement('form'), { action: 'https://example.org', method: 'post' });
      document.body.append(form);
      form.submit();
      document.body.append(Object.assign(document.createElement('iframe'), { src: 'https://example.org' }));
      document.body.append(document.createElement('webview'));
      const button = document.createElement('button');
      button.setAttribute('onclick', 'document.title = "run"');
      button.click();
      const result = {
        remote: await refused(() => fetch('https://example.org')),
        local: await refused(() => fetch(`file://${file}`)),
        socket: await refused(() => new Promise((_open, fail) => (new WebSocket('wss://example.org').onerror = fail))),
        image: await loads(document.createElement('img'), { src: 'https://example.org/a.png' }),
        script: await loads(document.createElement('script'), { src: `file://${file.replace(/json$/, 'js')}` }),
        window: window.open('https://example.org') === null && window.open('about:blank') === null,
        notifications: await Notification.requestPermission(),
        media: await refused(() => navigator.mediaDevices.getUserMedia({ audio: true })),
        clipboard: await refused(() => navigator.clipboard.readText()),
        location: (await navigator.permissions.query({ name: 'geolocation' })).state,
        node: ['require', 'process', 'module', 'electron'].filter((name) => name in window),
      };
      await new Promise((resolve) => setTimeout(resolve, 500));
      return { ...result, title: document.title, violated: [...new Set(violated)].toSorted() };
    }, outside);
    expect(found).toMatchObject({
      remote: true,
      local: true,
      socket: true,
      image: false,
      script: false,
      window: true,
      notifications: 'denied',
      media: true,
      clipboard: true,
      location: 'denied',
      node: [],
      title: 'Snug',
    });
    expect(found.violated).toEqual(
      expect.arrayContaining(['connect-src', 'form-action', 'frame-src', 'img-src', 'script-src-attr']),
    );
    expect(page.url()).toBe(before);
    expect(electron.windows()).toHaveLength(1);
  });

  it('cannot make code of text', async () => {
    const { page } = await open();
    const violated = await page.evaluate(async () => {
      const violation = new Promise<string>((resolve) =>
        document.addEventListener('securitypolicyviolation', ({ violatedDirective }) => resolve(violatedDirective)),
      );
      // Not eval at once: what a debugger evaluates is not bound by the policy, what it leaves behind is.
      setTimeout(() => {
        try {
          // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- what is to be refused
          new Function('document.title = "run"')();
        } catch {
          // as it should be
        }
      });
      return violation;
    });
    expect(violated).toBe('script-src');
    expect(await page.title()).toBe('Snug');
  });
});

/** Starts Snug a second time, as the system would for a file or a link. */
async function startAgain({ folder, electron }: RunningApp, args: string[], cwd = root): Promise<void> {
  const program = await electron.evaluate(() => process.execPath);
  const second = spawn(program, ['--no-sandbox', '--disable-gpu', root, ...args], {
    cwd,
    stdio: 'ignore',
    env: { ...process.env, SNUG_HOME: folder },
  });
  onTestFinished(() => void second.kill('SIGKILL'));
  await once(second, 'exit');
}

const isVisible = ({ electron }: RunningApp): Promise<boolean> =>
  electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.isVisible());

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

describe('the menu', () => {
  it('sends its commands to the page, and the browser only to known pages', async () => {
    const { page, electron } = await open();
    await page.evaluate(() => {
      const chosen: string[] = [];
      Object.assign(window, { chosen });
      app.onCommand((command) => void chosen.push(command));
    });
    const opened = await electron.evaluate(({ Menu, shell }) => {
      const addresses: string[] = [];
      shell.openExternal = (address: string) => {
        addresses.push(address);
        return Promise.resolve();
      };
      Object.assign(globalThis, { addresses });
      const entries = Menu.getApplicationMenu()!.items.flatMap(({ submenu }) => submenu?.items ?? []);
      for (const label of ['Open Model…', 'History', 'All Commands…', 'llama.cpp'])
        (entries.find((entry) => entry.label === label)!.click as () => void)();
      return addresses;
    });
    await eventually(() => page.evaluate(() => (window as unknown as { chosen: string[] }).chosen.length === 3));
    expect(await page.evaluate(() => (window as unknown as { chosen: string[] }).chosen)).toEqual([
      'open-model',
      'show-history',
      'show-palette',
    ]);
    expect(opened).toEqual(['https://github.com/ggml-org/llama.cpp']);
    const refusal = await page.evaluate(() =>
      app.openLink('https://example.org').catch((error: unknown) => String(error)),
    );
    expect(refusal).toContain('link.open: not what it expects');
  });
});

describe('what the page has saved', () => {
  it('is written where the dialog says, and nowhere without it', async () => {
    const { page, electron, folder } = await open();
    const answer = (filePath: string | null): Promise<void> =>
      electron.evaluate(({ dialog }, file) => {
        dialog.showSaveDialog = () => Promise.resolve({ canceled: file === null, filePath: file ?? '' });
      }, filePath);
    const report = path.join(folder, 'report.md');
    await answer(report);
    expect(await page.evaluate(() => app.saveText('../../report.md', '# Made'))).toBe(report);
    expect(readFileSync(report, 'utf8')).toBe('# Made');
    const pdf = path.join(folder, 'report.pdf');
    await answer(pdf);
    expect(await page.evaluate(() => app.savePdf('report.pdf'))).toBe(pdf);
    expect(readFileSync(pdf).subarray(0, 5).toString()).toBe('%PDF-');
    await answer(null);
    expect(await page.evaluate(() => app.saveText('other.md', 'text'))).toBeNull();
    await answer(path.join(folder, 'nowhere', 'report.md'));
    expect(await page.evaluate(() => app.saveText('report.md', '# Made'))).toBeNull();
    const notice = page.getByRole('alert');
    await notice.getByText(/^There is no folder .*nowhere: make it/).waitFor();
    await page.evaluate((gone) => app.showInFolder(gone), path.join(folder, 'gone.gguf'));
    await notice.getByText(/gone\.gguf is not there any more/).waitFor();
  });
});

describe('the token of the hub', () => {
  it('is not kept where the system has no key store', async () => {
    const { page, electron, folder } = await open();
    await electron.evaluate(({ safeStorage }) => {
      safeStorage.getSelectedStorageBackend = () => 'basic_text';
    });
    expect(await page.evaluate(() => app.secrets.obstacle())).toContain('no key store');
    const refusal = await page.evaluate(() =>
      app.secrets.set('hubToken', 'hf_secret').catch((error: unknown) => String(error)),
    );
    expect(refusal).toContain('no key store');
    expect(existsSync(path.join(folder, 'window/hubToken.secret'))).toBe(false);
  });

  it('is kept unreadable, told to the engine, and never given back', async () => {
    const { page, electron, folder } = await open();
    await electron.evaluate(({ safeStorage }) => {
      safeStorage.setUsePlainTextEncryption(true); // a key of its own, as there is no key store under a test
      safeStorage.getSelectedStorageBackend = () => 'gnome_libsecret';
    });
    const found = await page.evaluate(async () => ({
      obstacle: await app.secrets.obstacle(),
      before: await app.secrets.has('hubToken'),
      set: await app.secrets.set('hubToken', ' hf_secret '),
      after: await app.secrets.has('hubToken'),
    }));
    expect(found).toEqual({ obstacle: null, before: false, set: undefined, after: true });
    const file = path.join(folder, 'window/hubToken.secret');
    expect(readFileSync(file).includes('hf_secret')).toBe(false);
    const refusal = await page.evaluate(() =>
      app.secrets.set('hubToken', 'no token').catch((error: unknown) => String(error)),
    );
    expect(refusal).toContain('a character that no token has'); // said by the engine
    await page.evaluate(() => app.secrets.clear('hubToken'));
    expect(existsSync(file)).toBe(false);
  });
});

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
    // What runs in a page that is going never answers: all else waits for the new one.
    const told = electron.evaluate(
      ({ BrowserWindow, dialog }) =>
        new Promise<string[]>((resolve) => {
          const messages: string[] = [];
          dialog.showMessageBox = ((_window: unknown, { message }: Electron.MessageBoxOptions) => {
            messages.push(message);
            return Promise.resolve({ response: 0, checkboxChecked: false });
          }) as typeof dialog.showMessageBox;
          const { webContents } = BrowserWindow.getAllWindows()[0]!;
          webContents.once('did-finish-load', () => resolve(messages));
          webContents.forcefullyCrashRenderer();
        }),
    );
    expect(await told).toEqual(['The window crashed and was opened again.']);
    // Playwright has lost its page; the window speaks for itself.
    const ask = (script: string): Promise<unknown> =>
      electron.evaluate(
        ({ BrowserWindow }, text) => BrowserWindow.getAllWindows()[0]!.webContents.executeJavaScript(text),
        script,
      );
    expect(await ask('document.readyState')).toBe('complete');
    const jobs = await ask(`new Promise((resolve) => {
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
    })`);
    expect(jobs).toEqual([id]);
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
