// The whole way of somebody who has never seen Snug, in one window: first run, plans, run, report, export, history, a clone
// with another plan, both compared, the files deleted and their records kept.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { answerSaveDialog, fitWaitMs, launch, openSampleIn, planWaitMs, startFitIn, type RunningApp } from './app.ts';

let home: string;
let app: RunningApp;

/** A home with one program, so that none of this machine is touched. */
beforeAll(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'snug-home-'));
  mkdirSync(path.join(home, '.lmstudio/models'), { recursive: true });
  app = await launch({ HOME: home });
});

afterAll(async () => {
  await app.close();
  rmSync(home, { recursive: true, force: true });
});

const result = () => app.page.getByRole('region', { name: 'Result' });
const grid = () => app.page.getByRole('grid', { name: 'History' });

/** The rows of finished runs, the newest first. */
async function showHistory(runs: number): Promise<void> {
  await app.page.getByRole('button', { name: 'History', exact: true }).click();
  await grid().waitFor();
  await app.page.getByText(runs === 1 ? '1 run' : `${runs} runs`, { exact: true }).waitFor();
}

it(
  'goes from a model that is too big to one that is in use, and keeps what was learnt',
  async () => {
    const { page } = app;
    await page.getByRole('heading', { name: 'Make a language model fit your card' }).waitFor();
    await openSampleIn(app);
    await page.getByRole('heading', { name: /^Fits, with .*to spare$/ }).waitFor();
    const first = await startFitIn(app);
    await result().waitFor({ timeout: fitWaitMs });
    await result()
      .getByRole('heading', { name: /^It runs, with / })
      .waitFor();
    await result()
      .getByText(/^Picks the same next word as the original/)
      .waitFor();

    await result().getByRole('button', { name: 'LM Studio', exact: true }).click();
    await result().getByText('It is in LM Studio', { exact: true }).waitFor();
    expect(existsSync(path.join(home, '.lmstudio/models/snug/made/made.gguf'))).toBe(true);

    await showHistory(1);
    await page.locator('#run-row-0').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Clone with changes…' }).click();
    await page.getByRole('region', { name: 'Plans' }).waitFor({ timeout: planWaitMs });
    await page.getByRole('radio', { name: /^Q4_K_M mix/ }).check();
    const second = path.join(app.folder, 'smaller.gguf');
    await answerSaveDialog(app, second);
    await page.getByRole('button', { name: 'Make it…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Start' }).click();
    await page.getByRole('heading', { name: /^Making sample/ }).waitFor();
    await result().waitFor({ timeout: fitWaitMs });

    await showHistory(2);
    await grid().focus();
    for (const key of ['Home', 'Space', 'Shift+ArrowDown']) await page.keyboard.press(key);
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.getByRole('heading', { name: 'B loses least' }).waitFor(); // the first run: the larger file
    await page.getByRole('row', { name: /^plan .*q4_k_m/i }).waitFor();
    await page.getByRole('button', { name: 'All runs' }).click();

    await grid().focus();
    for (const key of ['Home', 'Delete']) await page.keyboard.press(key);
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Delete / })
      .click();
    await expect.poll(() => existsSync(second)).toBe(false);
    await showHistory(2);
    expect(existsSync(first)).toBe(true);
    expect(app.complaints).toEqual([]);
  },
  3 * fitWaitMs,
);
