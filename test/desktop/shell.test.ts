// The shell in the real Electron: what a page may not do, what it may save and keep, what the menu sends.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../support/paths.ts';
import { eventually } from './app.ts';
import { open, type Bridge } from './open-window.ts';

declare const app: Bridge;

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
