// 10,000 malformed messages to the shell, from the window's own frame and from a foreign one, through Electron's real channels:
// every answer is an error, nothing is done, and the application works afterwards. (The engine's own: test/engine/fuzz.test.ts.)
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { launch } from './app.ts';
import { askEngine } from './engine-port.ts';
import { processesOf } from './processes.ts';

const messages = 10_000;

/** What each channel takes; a random value that happens to be right is left out. */
const valid: Record<string, (argument: unknown) => boolean> = {
  'engine.start': isNothing,
  'engine.launcher': isNothing,
  'dialog.model': isNothing,
  'dialog.modelFolder': isNothing,
  'dialog.folder': isNothing,
  'dialog.texts': isNothing,
  'dialog.output': isText,
  'save.text': () => false,
  'save.pdf': isText,
  'folder.show': (argument) => isText(argument) && path.isAbsolute(argument as string), // told that it is not there
  'clipboard.write': (argument) => typeof argument === 'string',
  'link.open': () => false,
  'recent.note': () => false,
  'language.set': () => false,
  'secrets.obstacle': isNothing,
  'secrets.has': () => false,
  'secrets.set': () => false,
  'secrets.clear': () => false,
};

function isNothing(argument: unknown): boolean {
  return argument === undefined;
}

function isText(argument: unknown): boolean {
  return typeof argument === 'string' && argument !== '' && argument.length <= 4096 && !argument.includes('\0');
}

const hostile = fc.constantFrom<unknown>(
  { name: 'hubToken' },
  { name: 'hubToken', value: '' },
  { name: '../../evil', value: 'x' },
  { name: '__proto__', value: 'x' },
  { suggestedName: 'a', text: 1 },
  { suggestedName: '', text: 'x' },
  { suggestedName: 'a', text: 'x', more: 1 },
  'file:///etc/passwd',
  'https://example.org',
  'javascript:alert(1)',
  'constructor',
  '/nowhere/at/all',
  'relative/package.json',
  'x'.repeat(100_000),
);
const argument = fc.oneof(fc.anything({ withDate: true, withTypedArray: true, withBigInt: true }), hostile);
const known = Object.keys(valid);
const channel = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...known) },
  {
    weight: 1,
    arbitrary: fc.oneof(fc.string(), fc.constantFrom('ELECTRON_BROWSER_REQUIRE', 'toString', 'engine.stop')),
  },
);

type Message = [channel: string, ...given: unknown[]];
const message: fc.Arbitrary<Message> = fc
  .tuple(channel, fc.array(argument, { maxLength: 3 }))
  .filter(([name, given]) => given.length > 1 || !(valid[name]?.(given[0]) ?? false))
  // Text that stands for the values of a dialog, a copy or a link may be right where an argument alone is.
  .filter(([name, given]) => given.length > 1 || !(name === 'clipboard.write' && typeof given[0] === 'string'))
  .map(([name, given]) => [name, ...given]);

/** A preload that gives the page what no page of Snug has: the channels themselves. */
const preload = `
const { contextBridge, ipcRenderer } = require('electron');
contextBridge.exposeInMainWorld('raw', {
  answers: async (texts) => {
    const counts = { errors: 0, answers: [] };
    for (const text of texts) {
      const [channel, ...given] = new Function('return ' + text)();
      ipcRenderer.send(channel, ...given);
      await ipcRenderer.invoke(channel, ...given).then(
        () => counts.answers.push(text),
        () => counts.errors++,
      );
    }
    return counts;
  },
});
`;

it('10,000 malformed messages are refused one by one, and change nothing', async () => {
  const app = await launch();
  onTestFinished(() => app.close());
  const { electron, page, folder } = app;
  await page.waitForLoadState('load');
  await askEngine(page, 'jobs.list', {});

  const file = path.join(folder, 'raw.cjs');
  writeFileSync(file, preload);
  const done = await electron.evaluate(({ BrowserWindow, clipboard, dialog, session, shell }, raw) => {
    const acts: string[] = [];
    Object.assign(globalThis, { acts });
    const note = (name: string) => (): never => {
      acts.push(name);
      throw new Error(name);
    };
    Object.assign(dialog, { showOpenDialog: note('open dialog'), showSaveDialog: note('save dialog') });
    Object.assign(shell, {
      openExternal: note('openExternal'),
      openPath: note('openPath'),
      showItemInFolder: note('show'),
    });
    void clipboard.writeText('as it was');
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the Electron of the tests has no other way yet
    session.defaultSession.setPreloads([raw]);
    const foreign = new BrowserWindow({ show: false, webPreferences: { sandbox: false, contextIsolation: true } });
    return foreign.loadURL('data:text/html,<title>foreign</title>').then(() => BrowserWindow.getAllWindows().length);
  }, file);
  expect(done).toBe(2);
  await page.reload();
  await page.waitForLoadState('load');
  // The page's own requests come first: an engine that looks for cards starts a process.
  await page.getByRole('contentinfo').getByText('Engine ready').waitFor();
  await page.getByRole('contentinfo').getByText('Looking for graphics cards').waitFor({ state: 'detached' });
  const before = { files: filesIn(folder), processes: processesOf(app) };

  // As text, because a message for a page loses what is odd about it on the way: undefined, NaN, typed arrays, shared parts.
  const texts = fc.sample(message, { seed: 12, numRuns: messages }).map((given) => fc.stringify(given));
  expect(texts).toHaveLength(messages);
  const foreign = electron.windows().find((window) => window !== page)!;
  const batch = 500;
  for (let start = 0; start < messages; start += batch) {
    const part = texts.slice(start, start + batch);
    const from = start % (batch * 5) === 0 ? foreign : page;
    const { errors, answers } = await from.evaluate(
      (given) => (window as unknown as { raw: { answers(texts: string[]): Promise<Counts> } }).raw.answers(given),
      part,
    );
    expect(answers).toEqual([]);
    expect(errors).toBe(part.length);
  }
  expect(await electron.evaluate(() => (globalThis as unknown as { acts: string[] }).acts)).toEqual([]);
  expect(await electron.evaluate(({ clipboard }) => clipboard.readText())).toBe('as it was');
  expect(filesIn(folder)).toEqual(before.files);
  expect(processesOf(app).filter((pid) => !before.processes.includes(pid))).toEqual([]);
  expect(await askEngine(page, 'sample', {})).toHaveProperty('model');
});

interface Counts {
  errors: number;
  answers: string[];
}

/** Snug's own files; Chromium keeps its caches as it likes. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.startsWith('window/') || /secret|window\.json/.test(name))
    .toSorted();
}
