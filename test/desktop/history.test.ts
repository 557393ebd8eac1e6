// The History and Models areas in the real window, over a catalog of ten thousand runs that the engine's own modules wrote.
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recipe } from '../../src-main/contract/recipe.ts';
import { thisProcess } from '../../src-main/core/process-identity.ts';
import { Catalog } from '../../src-main/engine/catalog/catalog.ts';
import { seedHistory } from '../support/history-runs.ts';
import { sampleModel } from '../support/paths.ts';
import { eventually, launch, planWaitMs, removeFolder, resize, speakGerman, type RunningApp } from './app.ts';
import { seriousViolations } from './axe.ts';

const runs = 10_000;
let home: string;
let app: RunningApp;

beforeAll(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'snug-history-'));
  await seedHistory(home, runs);
  const catalog = await Catalog.open(home);
  const measured = recipe.parse({ verb: 'evaluate', model: sampleModel, evaluation: { windows: 1, window: 64 } });
  const asked = { recipe: measured, created: '2026-01-01T00:00:00.000Z', versions: {}, clonedFrom: null };
  catalog.experiments.add({ id: 'evaluation', ...asked }, thisProcess);
  catalog.experiments.update('evaluation', { state: 'cancelled' });
  catalog.close();
  app = await launch({ SNUG_HOME: home });
  await app.page.getByRole('button', { name: 'History' }).click();
  await grid().waitFor();
}, 240_000);

afterAll(async () => {
  await app.close();
  await removeFolder(home);
});

const grid = () => app.page.getByRole('grid', { name: 'History' });
const rows = () => grid().getByRole('row');
const toTable = async (): Promise<void> => {
  await app.page.getByRole('button', { name: 'All runs' }).click();
  await grid().waitFor();
};

/** Elements that reach out of the page or of the table's row. */
const widerThanTheirPlace = (): Promise<string[]> =>
  app.page.evaluate(() => {
    const { right } = document.querySelector('main')!.getBoundingClientRect();
    return [...document.querySelectorAll('main *')]
      .filter((element) => element.closest('.visually-hidden, [role=tooltip]') === null)
      .filter((element) => element.getBoundingClientRect().right > right + 1 && element.closest('[role=row]') === null)
      .map((element) => element.getAttribute('class') ?? element.localName);
  });

/** Rows are fetched ahead of the view; on a busy machine that takes a moment. */
const hasFetchedAll = (): Promise<boolean> =>
  app.page.evaluate(() => {
    interface Mounted {
      __vue_app__: { config: { globalProperties: { $pinia: { _s: Map<string, { rows: unknown[] }> } } } };
    }
    const mounted = document.querySelector('#app') as unknown as Mounted;
    const { rows } = mounted.__vue_app__.config.globalProperties.$pinia._s.get('history')!;
    return !Array.from(rows).includes(undefined);
  });

/** Rows in view that show no run, at every frame of a scroll over `distance` pixels. */
async function blankRowsWhileScrolling(distance: number, step: number): Promise<{ frames: number; blanks: number }> {
  return app.page.evaluate(
    async ([far, stride]) => {
      const table = document.querySelector('[role=grid]')!;
      const { bottom: top } = table
        .querySelector('[role=columnheader]')!
        .closest('[role=row]')!
        .getBoundingClientRect();
      const { bottom } = table.getBoundingClientRect();
      let [frames, blanks] = [0, 0];
      for (let gone = 0; gone < far!; gone += stride!) {
        table.scrollTop += stride!;
        await new Promise(requestAnimationFrame); // as it is painted
        await new Promise((resolve) => setTimeout(resolve));
        frames++;
        for (let y = top + 10; y < bottom - 4; y += 30) {
          const found = document.elementFromPoint(table.getBoundingClientRect().left + 60, y);
          const row = found?.closest('[role=row]');
          if (!row || !/F16/.test(row.textContent)) blanks++;
        }
      }
      return { frames, blanks };
    },
    [distance, step],
  );
}

describe('the history', () => {
  it('shows ten thousand runs and what is not finished above them', async () => {
    await app.page.getByText(`10,001 runs`).waitFor();
    expect(await grid().getAttribute('aria-rowcount')).toBe('10002');
    expect(await rows().count()).toBeLessThan(100);
    await app.page.getByRole('button', { name: /^Go on with Llama/ }).waitFor();
    expect(await seriousViolations(app.page)).toEqual([]);
  });

  it('scrolls without blank rows, slowly and fast, and to the last', async () => {
    await eventually(hasFetchedAll);
    expect(await blankRowsWhileScrolling(20_000, 120)).toMatchObject({ blanks: 0 });
    expect(await blankRowsWhileScrolling(80_000, 1500)).toMatchObject({ blanks: 0 });
    await grid().focus();
    await app.page.keyboard.press('End');
    await app.page.locator(`#run-row-${runs}`).filter({ hasText: 'Qwen2.5-32B-Instruct' }).waitFor();
    expect(await grid().getAttribute('aria-activedescendant')).toBe(`run-row-${runs}`);
    await app.page.keyboard.press('Home');
    await app.page.locator('#run-row-0').waitFor();
  });

  it('is filtered and sorted', async () => {
    await app.page.getByLabel('Tag', { exact: true }).selectOption('laptop');
    await app.page.getByText('1,000 runs').waitFor();
    await app.page.getByLabel('Search models, notes and runs').fill('phi');
    await app.page.getByText(/^0 runs$/).waitFor();
    await app.page.getByText('No run is like that').waitFor();
    await app.page.getByRole('button', { name: 'Show all runs' }).first().click();
    await app.page.getByText('10,001 runs').waitFor();
    await app.page.getByRole('button', { name: 'Size', exact: true }).click();
    await rows().nth(1).filter({ hasText: '28.0 GB' }).waitFor();
    expect(await app.page.getByRole('columnheader', { name: 'Size' }).getAttribute('aria-sort')).toBe('descending');
    await app.page.getByRole('button', { name: 'When' }).click();
    await rows().nth(1).filter({ hasText: '14.1 kB' }).waitFor();
  });

  it.each([1280, 900])('says everything of a run in a window of %d pixels, in German too', async (width) => {
    const { page } = app;
    const { width: before, height } = await page.evaluate(() => ({ width: innerWidth, height: innerHeight }));
    await resize(app, width, 800);
    await page.waitForFunction((wanted) => innerWidth === wanted, width);
    const row = page.locator('#run-row-0');
    await row.evaluate((element) => element.scrollIntoView());
    const hidden = (): Promise<string[]> =>
      row.evaluate((element) =>
        [...element.querySelectorAll('[role=gridcell], .verb, .type')]
          .filter((cell) => cell.textContent.trim() !== '')
          .filter(({ clientWidth, scrollWidth }) => clientWidth === 0 || scrollWidth > clientWidth + 1)
          .map((cell) => cell.textContent.trim()),
      );
    expect(await row.textContent()).toMatch(/Gemma-3-27B\.F16.*Fit Q8_0.*14\.1 kB.*evaluation.*CUDA/);
    // Once the table has seen its width.
    await expect.poll(hidden, { timeout: 10_000 }).toEqual([]);
    // Whole rows, the button of their menu too: nothing to scroll to.
    expect(await grid().evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0);
    await speakGerman(app);
    await expect.poll(hidden, { timeout: 10_000 }).toEqual([]);
    await page.keyboard.press('Control+k');
    await page.getByRole('option', { name: 'English' }).click();
    await page.waitForFunction(() => document.documentElement.lang === 'en');
    await resize(app, before, height);
  });

  it('opens a run by keyboard, with its figures, and keeps a note and a tag', async () => {
    await grid().focus();
    await app.page.keyboard.press('Home');
    await app.page.keyboard.press('Enter');
    await app.page.getByRole('heading', { name: 'Gemma-3-27B.F16.gguf' }).waitFor();
    await app.page.getByRole('row', { name: /Loss \(KL divergence\).*±/ }).waitFor();
    expect(await seriousViolations(app.page)).toEqual([]);
    await app.page.getByLabel('Note').fill('Good enough for the train');
    await app.page.getByLabel('New tag').fill('train');
    await app.page.keyboard.press('Enter');
    await app.page.getByRole('button', { name: 'Remove tag train' }).focus();
    await app.page.getByRole('button', { name: 'More' }).press('ArrowDown');
    await app.page.getByRole('menuitem', { name: 'Delete files…' }).waitFor();
    await app.page.keyboard.press('Escape');
    await app.page.locator(':focus', { hasText: 'More' }).waitFor();
    await app.page.getByRole('button', { name: 'Report' }).waitFor(); // beside the menu, as the primary button
    await app.page.getByRole('button', { name: 'Export…' }).press('Enter');
    await app.page.getByRole('dialog', { name: /^Export / }).waitFor();
    await app.page.keyboard.press('Escape');
    await app.page.locator(':focus', { hasText: 'Export…' }).waitFor(); // what opened it
    await app.page.keyboard.press('Escape');
    await app.page.getByLabel('Search models, notes and runs').fill('for the train');
    await app.page.getByText(/^1 run$/).waitFor();
    await app.page.getByRole('button', { name: 'Show all runs' }).click();
    await app.page.getByText('10,001 runs').waitFor();
  });

  it('shows as much of a long tag as there is room for, and all of it on hover', async () => {
    const { page } = app;
    const long = 'long '.repeat(40).trim();
    await grid().focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    await page.getByLabel('New tag').fill(long);
    await page.keyboard.press('Enter');
    const remove = page.getByRole('button', { name: `Remove tag ${long}` });
    await remove.waitFor();
    expect(await widerThanTheirPlace()).toEqual([]);
    await page.getByRole('listitem').getByText(long, { exact: true }).first().hover();
    await page.getByRole('tooltip', { name: long }).waitFor();
    await toTable();
    await page.locator('#run-row-0').getByText(long).waitFor();
    expect(await widerThanTheirPlace()).toEqual([]);
    expect(await page.locator('#run-row-0 .tags').getAttribute('title')).toContain(long);
    await grid().focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    await remove.click();
    await remove.waitFor({ state: 'detached' });
    await toTable();
  });

  it('compares runs that were selected by keyboard, as chart and as tables', async () => {
    await grid().focus();
    await app.page.keyboard.press('Home');
    await app.page.keyboard.press('Space');
    await app.page.keyboard.press('Shift+ArrowDown');
    await app.page.keyboard.press('Shift+ArrowDown');
    await app.page.getByText('3 selected', { exact: true }).waitFor();
    await app.page.keyboard.press('Control+f'); // the filter stays
    await app.page.locator(':focus').and(app.page.getByLabel('Search models, notes and runs')).waitFor();
    await app.page.getByRole('button', { name: 'Compare' }).click();
    await app.page.getByRole('heading', { name: 'A loses least' }).waitFor();
    await app.page.getByRole('img', { name: /^Size against loss.*A: 14\.1 kB, loses/ }).waitFor();
    await app.page.getByRole('row', { name: /^Model .*Gemma.*Phi.*Llama/ }).waitFor();
    expect(await seriousViolations(app.page)).toEqual([]);
    await app.page.getByRole('button', { name: 'Show as table' }).click();
    await app.page.getByRole('row', { name: /^File size 14\.1 kB/ }).waitFor();
    await toTable();
    await app.page.getByRole('button', { name: 'Clear selection' }).click();
  });

  it('deletes the files of a run after asking, and keeps its record', async () => {
    const file = path.join(home, `run${String(runs - 1).padStart(9, '0')}.Q8_0.gguf`);
    expect(existsSync(file)).toBe(true);
    await grid().focus();
    await app.page.keyboard.press('Home');
    await app.page.keyboard.press('Delete');
    const dialog = app.page.getByRole('dialog', { name: 'Delete this file?' });
    await dialog.getByText(file).waitFor();
    expect(await seriousViolations(app.page)).toEqual([]);
    await app.page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(existsSync(file)).toBe(true);
    await app.page.locator('[role=grid]:focus').waitFor(); // it gets the focus back
    await app.page.keyboard.press('Delete');
    await dialog.getByRole('button', { name: 'Delete 14.1 kB' }).click();
    await dialog.waitFor({ state: 'detached' });
    expect(existsSync(file)).toBe(false);
    await app.page.locator('#run-row-0').filter({ hasText: 'deleted' }).waitFor();
    await app.page.getByText('10,001 runs').waitFor();
  });

  it('copies runs, from a menu that the keyboard opens', async () => {
    await grid().focus();
    await app.page.keyboard.press('Home');
    await app.page.keyboard.press('Shift+F10');
    await app.page.getByRole('menuitem', { name: 'Copy as CSV' }).click();
    await app.page.getByText('The run is in the clipboard as CSV').first().waitFor();
    const copied = await app.electron.evaluate(({ clipboard }) => clipboard.readText());
    expect(copied).toMatch(/^run,verb,method,model.*\nrun000009999,fit,,\/models\/Gemma/);
  });

  it('goes on with a run that was cancelled in an earlier session', async () => {
    await app.page.getByLabel('Search models, notes and runs').fill('evaluation');
    await app.page.getByText(/^1 run$/).waitFor();
    await app.page.locator('#run-row-0').click({ button: 'right' });
    await app.page.getByRole('menuitem', { name: 'Resume' }).click();
    await app.page.getByRole('region', { name: 'Result' }).waitFor({ timeout: planWaitMs });
    await app.page.getByRole('button', { name: 'History' }).click();
    await app.page.locator('#run-row-0').filter({ hasNotText: 'Cancelled' }).waitFor();
    await app.page.locator('#run-row-0').click({ button: 'right' });
    await app.page.getByRole('menuitem', { name: 'Report' }).waitFor(); // it is done
    expect(await app.page.getByRole('menuitem', { name: 'Resume' }).count()).toBe(0);
    await app.page.keyboard.press('Escape');
  });

  it('clones: a fit into the Fit area, everything else as settings that start a run', async () => {
    await app.page.getByLabel('Search models, notes and runs').fill('evaluation');
    await app.page.getByText(/^1 run$/).waitFor();
    await app.page.locator('#run-row-0').click({ button: 'right' });
    await app.page.getByRole('menuitem', { name: 'Clone with changes…' }).click();
    await app.page.getByRole('heading', { name: 'Measure again, with changes' }).waitFor();
    expect(await seriousViolations(app.page)).toEqual([]);
    await app.page.getByLabel('Windows', { exact: true }).fill('none');
    await app.page.getByText('1 change', { exact: false }).waitFor();
    await app.page.getByRole('button', { name: 'Start' }).click();
    await app.page
      .getByRole('alert')
      .getByText(/These settings make no recipe/)
      .first()
      .waitFor();
    await app.page.getByLabel('Windows', { exact: true }).fill('2');
    await app.page.getByRole('button', { name: 'Start' }).click();
    await grid().waitFor({ state: 'detached' });
    await app.page.getByRole('button', { name: 'History' }).click();
    await app.page.getByRole('button', { name: 'Show all runs' }).click();
    await app.page.getByText('10,002 runs').waitFor();

    await app.page.locator('#run-row-3').click();
    await app.page.getByRole('button', { name: 'Clone with changes…' }).click();
    await app.page.getByRole('navigation').locator('[aria-current=page]', { hasText: 'Fit' }).waitFor();
    // The model of the seeded run is not there, which the Fit area says.
    await app.page
      .getByText(/Mistral-Small-24B|Llama-3\.1|Phi-4/)
      .first()
      .waitFor();
  });
});

describe('the library', () => {
  it('says what models take and what was made from what, and deletes what Snug made', async () => {
    await app.page.getByRole('button', { name: 'Models' }).click();
    await app.page.getByRole('heading', { name: 'Snug’s models take 14.1 kB' }).waitFor();
    const made = app.page.getByRole('row', { name: /run000009998\.Q6_K\.gguf/ });
    await made.getByText('by Fit').waitFor();
    await app.page.getByRole('row', { name: /^Phi-4\.F16\.gguf.*14\.1 kB made from it.*gone/ }).waitFor();
    expect(await seriousViolations(app.page)).toEqual([]);
    await made.getByRole('button', { name: /^Delete the files/ }).click();
    await app.page.getByRole('button', { name: 'Delete 14.1 kB' }).click();
    await app.page.getByRole('heading', { name: 'What Snug made is not there any more' }).waitFor();
    await app.page.getByRole('checkbox', { name: 'Show what is gone' }).check();
    await app.page
      .getByRole('row', { name: /run000009998/ })
      .getByText('gone')
      .waitFor();
    expect(app.complaints).toEqual([]);
  });
});
