// The whole way of somebody who has never seen Snug, in one window on a new home: first run, target, plans, run, report, export,
// history, a clone with another plan, both compared, the files of one deleted and its record kept.
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  answerFolderDialog,
  answerSaveDialog,
  cutSideways,
  fitWaitMs,
  launch,
  removeFolder,
  openSampleIn,
  planWaitMs,
  resize,
  resizeToSmallest,
  type RunningApp,
} from './app.ts';
import { seriousViolations } from './axe.ts';

let home: string;
let app: RunningApp;

/** A home of its own, so that no program of this machine is offered. */
beforeAll(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'snug-home-'));
  app = await launch({ HOME: home });
});

afterAll(async () => {
  await app.close();
  await removeFolder(home);
});

const result = () => app.page.getByRole('region', { name: 'Result' });
const grid = () => app.page.getByRole('grid', { name: 'History' });
const row = (index: number) => app.page.locator(`#run-row-${index}`);

/** What is in view has nothing to complain about, in the smallest window at twice the size neither. */
async function expectSound(screen: string): Promise<void> {
  expect(await seriousViolations(app.page), screen).toEqual([]);
  await resizeToSmallest(app);
  expect(await cutSideways(app.page), screen).toEqual([]);
  await resize(app, 1200, 800);
  await app.page.waitForFunction(() => devicePixelRatio === 1 && innerWidth === 1200);
  expect(app.complaints, screen).toEqual([]);
}

async function go(area: string): Promise<void> {
  await app.page.getByRole('navigation').getByRole('button', { name: area, exact: true }).click();
}

/** Makes the chosen plan, with a look at what it will take. */
async function make(plan: string, output: string): Promise<void> {
  const { page } = app;
  await answerSaveDialog(app, output);
  await page.getByRole('button', { name: 'Make it…' }).click();
  const dialog = page.getByRole('dialog', { name: `Make: ${plan}` });
  await dialog.getByRole('heading', { name: /^About \d+/ }).waitFor({ timeout: planWaitMs });
  await dialog.getByText(output).waitFor();
  await expectSound('preflight');
  await dialog.locator(':focus', { hasText: 'Start' }).waitFor(); // Enter is the primary button
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: /^Making sample/ }).waitFor();
}

/** The report of a run that has just been made. */
async function expectReport(output: string): Promise<void> {
  await result()
    .getByRole('heading', { name: /^It runs, with .* to spare/ })
    .waitFor({ timeout: fitWaitMs });
  await result()
    .getByText(/^Picks the same next word as the original \d+(\.\d)? times in 100 \(± \d/)
    .waitFor();
  await result()
    .getByRole('row', { name: /^File 13\.8 MB \d.* MB/ })
    .waitFor();
  await result()
    .getByText(/^llama\.cpp .* loaded it and wrote:/)
    .waitFor();
  expect(existsSync(output)).toBe(true);
}

it(
  'goes from a first run to two models, of which one is used and one is deleted',
  async () => {
    const { page } = app;
    await page.getByRole('heading', { name: 'Make a language model fit your card' }).waitFor();
    expect(await page.getByRole('heading', { name: 'Used before' }).count()).toBe(0);
    await expectSound('first run');
    await go('History');
    await page.getByRole('heading', { name: 'No runs yet' }).waitFor();
    await expectSound('empty history');
    await go('Fit');

    await openSampleIn(app);
    await page.getByLabel('Card memory').fill('22 MiB');
    await page.getByRole('slider', { name: 'Context' }).press('End');
    await page.getByText(/plans for a 22\.0 MiB card with 512 tokens of context/).waitFor({ timeout: planWaitMs });
    await page.getByRole('radio', { name: /^The source unchanged.* over by / }).waitFor();
    await page.getByRole('radio', { name: /^Q8_0 mix/ }).check();
    await page.getByRole('heading', { name: /^Fits, with .* to spare$/ }).waitFor();
    await expectSound('plans');

    const first = path.join(app.folder, 'first.gguf');
    await make('Q8_0 mix', first);
    await page.getByRole('progressbar', { name: 'Calibrate, progress' }).waitFor({ timeout: fitWaitMs });
    await page.getByText(/of [\d,]+ tokens/).waitFor({ timeout: fitWaitMs });
    await expectSound('run');
    await expectReport(first);
    await result().getByRole('button', { name: 'Copy', exact: true }).click();
    await result().getByRole('button', { name: 'Copied' }).waitFor();
    expect(await app.electron.evaluate(({ clipboard }) => clipboard.readText())).toContain(`--model "${first}"`);
    await result().getByRole('button', { name: 'Copy', exact: true }).waitFor(); // it can be used again
    await expectSound('report');

    const folder = path.join(app.folder, 'in use');
    mkdirSync(folder);
    await answerFolderDialog(app, folder);
    await result().getByRole('button', { name: 'Folder…' }).click();
    await result().getByText(`It is in ${folder}`).waitFor();
    await expectSound('export');

    await go('History');
    await row(0).filter({ hasText: 'Q8_0' }).waitFor();
    await page.getByText('1 run', { exact: true }).waitFor();
    await expectSound('history');
    await row(0).click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Clone with changes…' }).click();
    await page.getByRole('region', { name: 'Plans' }).waitFor({ timeout: planWaitMs });
    expect(await page.getByLabel('Card memory').inputValue()).toBe('22 MiB');
    expect(await page.getByRole('slider', { name: 'Context' }).getAttribute('aria-valuetext')).toBe('512 tokens');
    expect(await page.getByRole('radio', { name: /^Q8_0 mix/ }).isChecked()).toBe(true);
    await page.getByRole('radio', { name: /^Q6_K mix/ }).check();
    await expectSound('cloned plans');
    const second = path.join(app.folder, 'second.gguf');
    await make('Q6_K mix', second);
    await expectReport(second);

    await go('History');
    await page.getByText('2 runs', { exact: true }).waitFor();
    await grid().focus();
    for (const key of ['Home', 'Space', 'Shift+ArrowDown']) await page.keyboard.press(key);
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.getByRole('heading', { name: 'B loses least' }).waitFor(); // the first: the larger file
    await page.getByRole('row', { name: /^plan .*q6_k.*q8_0/i }).waitFor();
    await expectSound('comparison');
    await page.getByRole('button', { name: 'All runs' }).click();
    await page.getByRole('button', { name: 'Clear selection' }).click();

    await grid().focus();
    for (const key of ['Home', 'ArrowDown', 'Delete']) await page.keyboard.press(key);
    const dialog = page.getByRole('dialog');
    await dialog.getByText(first).waitFor();
    await dialog.getByText(/^At most \d.* become free: a hard link/).waitFor();
    await dialog.getByRole('button', { name: /^Delete \d/ }).click();
    await dialog.getByText('One export still has it:').waitFor();
    await expectSound('deleted');
    await dialog.getByRole('button', { name: 'Close' }).click();
    await row(1).filter({ hasText: 'deleted' }).waitFor();
    expect([first, path.join(folder, 'first.gguf'), second].map((file) => existsSync(file))).toEqual([
      false,
      true,
      true,
    ]);
    await page.getByText('2 runs', { exact: true }).waitFor();
    await row(1).click();
    await page.getByRole('row', { name: /Loss \(KL divergence\).*±/ }).waitFor();
    await page.getByRole('listitem').filter({ hasText: first }).getByText('deleted').waitFor();
    await expectSound('record');
  },
  3 * fitWaitMs,
);
