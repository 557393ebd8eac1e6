// Takes a picture of every screen, light and dark, of a first start and of a Snug that has made a model. Started by
// `npm run screenshots [-- FOLDER]` through scripts/desktop.ts; the last line of output is the folder with the pictures.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { _electron, type ElectronApplication, type Locator, type Page } from 'playwright-core';
import { findElectron, root, sandboxSwitches } from './electron.ts';

const folder = path.resolve(process.env['INIT_CWD'] ?? root, process.argv[2] ?? path.join(root, 'screenshots'));
const themes = ['light', 'dark'] as const;
const size = { width: 1280, height: 800 };

/** Time for the engine's answer and the transitions after a click. */
const settleMs = 1000;

/** The entries of the navigation, each of which opens a screen. */
function screens(page: Page): Promise<Locator[]> {
  const navigation = page.getByRole('navigation');
  return navigation.getByRole('link').or(navigation.getByRole('button')).all();
}

async function nameOf(entry: Locator): Promise<string> {
  const name = (await entry.getAttribute('aria-label')) ?? (await entry.innerText());
  return name
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}

async function setTheme(app: ElectronApplication, theme: (typeof themes)[number]): Promise<void> {
  await app.evaluate(({ nativeTheme }, source) => {
    nativeTheme.themeSource = source;
  }, theme);
}

async function photograph(app: ElectronApplication, state: string): Promise<number> {
  const page = await app.firstWindow();
  await page.setViewportSize(size);
  await page.waitForTimeout(settleMs);
  const entries = await screens(page);
  for (const entry of entries) {
    await entry.click();
    await page.waitForTimeout(settleMs);
    const screen = await nameOf(entry);
    for (const theme of themes) {
      await setTheme(app, theme);
      await page.screenshot({ path: path.join(folder, `${state}-${screen}-${theme}.png`) });
    }
  }
  return entries.length;
}

/** Opens the window on the user data in `home` and photographs it. */
async function session(home: string, state: string): Promise<void> {
  const app = await _electron.launch({
    executablePath: findElectron().program,
    args: [...sandboxSwitches(), '--disable-gpu', root],
    env: { ...(process.env as Record<string, string>), SNUG_HOME: home },
  });
  try {
    const count = await photograph(app, state);
    if (count === 0) throw new Error('The window shows no navigation.');
    console.log(`${state}: ${count} screens`);
  } finally {
    await app.close();
  }
}

const home = mkdtempSync(path.join(tmpdir(), 'snug-screenshots-'));
try {
  mkdirSync(folder, { recursive: true });
  await session(home, 'first-start');
  const cli = path.join(root, 'src-main/cli/main.ts');
  const output = path.join(home, 'demo.gguf');
  const demo = spawnSync(process.execPath, [cli, 'demo', '--output', output], {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, SNUG_HOME: home },
  });
  if (demo.status !== 0) throw new Error('The demo failed, so there is nothing to show in the history.');
  await session(home, 'after-a-run');
} finally {
  rmSync(home, { recursive: true, force: true });
}
console.log(folder);
