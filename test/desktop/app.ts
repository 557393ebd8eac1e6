// Starts the built window for a test: an Electron of its own, a user-data folder of its own, gone afterwards.
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { root } from '../support/paths.ts';

export interface RunningApp {
  electron: ElectronApplication;
  page: Page;
  /** A folder for this run's files. */
  folder: string;
  /** Errors and warnings of the page's console, and violations of its content security policy. */
  complaints: string[];
  close(): Promise<void>;
}

interface LaunchOptions {
  /** Arguments as a user or the system gives them. */
  args?: string[];
  /** The user data; else a folder of its own. */
  folder?: string;
  /** A packaged application's; else the Electron of the tests with this checkout. */
  program?: string;
  /** The application has to find a Node for its engine by itself. */
  withoutNode?: boolean;
}

/** Opens the window. The engine runs in Node 24 (this process's program) unless the environment says otherwise. */
export async function launch(
  environment: Record<string, string> = {},
  {
    args = [],
    folder = mkdtempSync(path.join(tmpdir(), 'snug-window-')),
    program,
    withoutNode = false,
  }: LaunchOptions = {},
): Promise<RunningApp> {
  const env: Record<string, string | undefined> = {
    ...process.env,
    SNUG_NODE: process.execPath,
    SNUG_HOME: folder,
    ...environment,
  };
  delete env['ELECTRON_RUN_AS_NODE'];
  if (withoutNode) delete env['SNUG_NODE'];
  const electron = await _electron.launch({
    executablePath: program ?? electronProgram(),
    args: ['--no-sandbox', '--disable-gpu', ...(program === undefined ? [root] : []), ...args],
    colorScheme: null, // leaves light and dark to the application
    env: env as Record<string, string>,
  });
  const page = await electron.firstWindow();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  const close = async (): Promise<void> => {
    await electron.close();
    await removeFolder(folder);
  };
  return { electron, page, folder, complaints, close };
}

/** Chromium's helpers may still write their caches there for a moment after the application has ended. */
export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

/** Looks until it is so; fails after ten seconds. What other processes do is seen a moment later. */
export async function eventually(look: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`Never came true: ${look.toString()}`);
    await sleep(100);
  }
}

function electronProgram(): string {
  const dist = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  if (dist === undefined)
    throw new Error('Start the desktop tests with `npm run test:desktop`: ELECTRON_OVERRIDE_DIST_PATH is not set.');
  return path.join(dist, 'electron');
}

/** Planning the sample takes seconds, a fit of it half a minute; other work on the machine multiplies both. */
export const planWaitMs = 60_000;
export const fitWaitMs = 400_000;

/** Opens the sample and waits for its plans. */
export async function openSampleIn({ page }: RunningApp): Promise<void> {
  await page.getByRole('button', { name: 'Try it on the sample' }).click();
  await page.getByRole('region', { name: 'Plans' }).waitFor({ timeout: planWaitMs });
}

/** Starts the fit of the best plan; answers with the file it will write. */
export async function startFitIn(app: RunningApp): Promise<string> {
  const output = path.join(app.folder, 'made.gguf');
  await answerSaveDialog(app, output);
  await app.page.getByRole('button', { name: 'Make it…' }).click();
  await app.page.getByRole('dialog').getByRole('button', { name: 'Start' }).click();
  await app.page.getByRole('heading', { name: /^Making sample/ }).waitFor();
  return output;
}

/** Starts a job through the page's own store, as a screen would that does not ask for it like this; answers with its id. */
export function startJobIn({ page }: RunningApp, recipe: Record<string, unknown>): Promise<string> {
  return page.evaluate((wanted) => {
    interface Mounted {
      __vue_app__: {
        config: { globalProperties: { $pinia: { _s: Map<string, { start(recipe: unknown): Promise<string> }> } } };
      };
    }
    const mounted = document.querySelector('#app') as unknown as Mounted;
    return mounted.__vue_app__.config.globalProperties.$pinia._s.get('jobs')!.start(wanted);
  }, recipe);
}

/** Starts the study that the form of the Studies area describes, behind its preflight. */
export async function startStudyIn({ page }: RunningApp): Promise<void> {
  await page.getByRole('button', { name: 'Start…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Start' }).click();
  await page.getByRole('button', { name: 'All studies' }).waitFor();
}

/** The next save dialog answers with this path, without showing itself. */
export async function answerSaveDialog({ electron }: RunningApp, file: string): Promise<void> {
  await electron.evaluate(({ dialog }, filePath) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath });
  }, file);
}

/** The next dialogs for a folder answer with this path. */
export async function answerFolderDialog({ electron }: RunningApp, folder: string): Promise<void> {
  await electron.evaluate(({ dialog }, filePath) => {
    dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [filePath] });
  }, folder);
}

/** What a window that closes may take: its engine stops a run in order first. */
const closingMs = 20_000;
/** A window that stays is looked at for this long, while its run goes on. */
const stayingMs = 2000;

/** Closes the window during a run and answers its question; says whether the window is still there. */
export async function closeDuringRun(
  { electron }: RunningApp,
  answer: 'Keep running' | 'Stop and close' | 'Stay',
): Promise<'open' | 'closed'> {
  const closed = new Promise<'closed'>((resolve) => electron.once('close', () => resolve('closed')));
  const asked = electron.evaluate(
    ({ BrowserWindow, dialog }, wanted) =>
      new Promise<void>((resolve) => {
        dialog.showMessageBox = ((_window: unknown, { buttons }: Electron.MessageBoxOptions) => {
          resolve();
          return Promise.resolve({ response: buttons!.indexOf(wanted), checkboxChecked: false });
        }) as typeof dialog.showMessageBox;
        BrowserWindow.getAllWindows()[0]!.close();
      }),
    answer,
  );
  await asked.catch(() => {}); // a window that closes at once takes the answer with it
  return Promise.race([closed, sleep(answer === 'Stop and close' ? closingMs : stayingMs, 'open' as const)]);
}

/** Makes the window as small as it gets, and its page as large as `zoom` says. */
export async function resize({ electron }: RunningApp, width: number, height: number, zoom = 1): Promise<void> {
  await electron.evaluate(
    ({ BrowserWindow }, [wanted, high, factor]) => {
      const [window] = BrowserWindow.getAllWindows();
      window!.setContentSize(wanted, high);
      window!.webContents.setZoomFactor(factor);
    },
    [width, height, zoom] as const,
  );
}

/** The page in German, whose words are longer. */
export async function speakGerman({ page }: RunningApp): Promise<void> {
  await page.keyboard.press('Control+k');
  await page.getByRole('option', { name: 'Deutsch' }).click();
  await page.waitForFunction(() => document.documentElement.lang === 'de');
}

/** The smallest window with its page at twice the size. */
export async function resizeToSmallest(app: RunningApp): Promise<void> {
  await resize(app, 900, 600, 2);
  await app.page.waitForFunction(() => devicePixelRatio === 2 && innerWidth === 450);
}

/**
 * What of the window is wider than its place and cannot be read there, or only letter by letter, the frame, dialogs and menus
 * too: the elements, and how wide they and their places are. A table or a chart may scroll sideways in a place of its own that the keyboard reaches, and so may a
 * row of buttons, which come into view with the focus; the page itself may not.
 */
export async function cutSideways(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const isReached = (element: Element): boolean =>
      element.matches('[tabindex="0"]') ||
      [...element.children].every((child) => child.matches('li') && child.matches(':has(> button:only-child)'));
    const isCut = (element: Element): boolean => {
      const { overflowX } = getComputedStyle(element);
      if (element.matches('html, body, main, nav, footer, [role=dialog]')) return true;
      return overflowX !== 'visible' && !(overflowX === 'auto' && isReached(element));
    };
    const all = [...document.querySelectorAll('html, body, body *')].filter(
      (element) => element.closest('.visually-hidden') === null,
    );
    const wide = all
      .filter(({ scrollWidth, clientWidth }) => clientWidth > 0 && scrollWidth > clientWidth + 1)
      .filter(isCut)
      .map((element) => `${nameOf(element)}: ${element.scrollWidth} in ${element.clientWidth}`);
    const outside = all
      .filter((element) => element.matches('nav, footer, [role=dialog], [role=menu], [role=tooltip]'))
      .map((element) => ({ element, box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && (box.left < -1 || box.right > innerWidth + 1))
      .map(({ element, box }) => `${nameOf(element)}: from ${box.left} to ${box.right} in ${innerWidth}`);
    const onEnd = all
      .filter(({ children, textContent }) => children.length === 0 && textContent.trim().length > 5)
      .map((element) => ({ element, box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && box.height > 4 * Math.max(box.width, 12))
      .map(({ element, box }) => `${nameOf(element)}: ${box.width} wide and ${box.height} high`);
    return [...wide, ...outside, ...onEnd];

    function nameOf({ tagName, className, textContent }: Element): string {
      return `${tagName} ${className} "${textContent.trim().slice(0, 40)}"`;
    }
  });
}

/** Drops a real file on the window, as a file manager would. */
export async function dropFile(page: Page, file: string): Promise<void> {
  await page.evaluate(() => {
    const input = Object.assign(document.createElement('input'), { type: 'file', id: 'dropped' });
    document.body.append(input);
  });
  await page.setInputFiles('#dropped', file);
  await page.evaluate(() => {
    const input = document.querySelector<HTMLInputElement>('#dropped')!;
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(input.files![0]!);
    input.remove();
    document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
  });
}
