// A wide window: words of the frame, of lists and of fields stand whole and in line, in both languages.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { de } from '../../src-renderer/words/de.ts';
import { en } from '../../src-renderer/words/en.ts';
import { seedHistory } from '../support/history-runs.ts';
import { launch, planWaitMs, removeFolder, resize, speakGerman, type RunningApp } from './app.ts';

let home: string;
let app: RunningApp;

beforeAll(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'snug-whole-words-'));
  await seedHistory(home, 12);
  app = await launch({ HOME: home, SNUG_HOME: home });
  await app.page.getByRole('button', { name: en.model.start.open }).waitFor();
  await resize(app, 1600, 1000);
  await app.page.waitForFunction(() => innerWidth === 1600);
});

afterAll(async () => {
  await app.close();
  await removeFolder(home);
});

/** Texts of elements that are wider than their place. */
const cut = (elements: Locator): Promise<string[]> =>
  elements.evaluateAll((all) =>
    all.filter(({ clientWidth, scrollWidth }) => scrollWidth > clientWidth).map((one) => one.textContent.trim()),
  );

describe.each([
  ['English', en],
  ['German', de],
])('in %s', (_language, words) => {
  const button = (name: string) => app.page.getByRole('button', { name, exact: true });
  const go = (area: keyof typeof words.frame.areas): Promise<void> =>
    app.page.getByRole('navigation', { name: words.frame.areasLabel }).getByText(words.frame.areas[area]).click();

  beforeAll(async () => {
    if (words === de) await speakGerman(app);
  });

  it('the bold name of every area keeps its distance from the edge', async () => {
    for (const area of ['settings', 'history', 'fit'] as const) {
      await go(area);
      const room = await app.page
        .locator('nav [aria-current] span')
        .first()
        .evaluate((name) => {
          const entry = name.parentElement!;
          const { right } = entry.getBoundingClientRect();
          return right - name.getBoundingClientRect().right - Number.parseFloat(getComputedStyle(entry).paddingRight);
        });
      expect(room, area).toBeGreaterThanOrEqual(0);
    }
  });

  it('the history says whole what a run loses', async () => {
    await go('history');
    await app.page.locator('#run-row-0').waitFor();
    const losses = app.page.locator('.cell.loss .word');
    expect(await losses.allTextContents()).toContain(words.quality.losses.almostNothing);
    await expect.poll(() => cut(losses)).toEqual([]);
  });

  it('the plans say whole what they lose and leave, and the fields below stand in line', async () => {
    const { page } = app;
    await go('fit');
    if (words === en) await button(words.model.start.sample).click();
    await page.getByRole('region', { name: words.plans.label }).waitFor({ timeout: planWaitMs });
    expect(await cut(page.locator('.plans .rows .row span'))).toEqual([]);
    await page.getByRole('tab', { name: words.front.views.table }).click();
    const cells = page.locator('.plans .rows .row > span');
    await page.getByRole('region', { name: words.plans.rows.legend }).waitFor();
    expect(await cut(cells)).toEqual([]);
    await page.getByText(words.advanced.title, { exact: true }).click();
    // A label of two lines beside those of one.
    const gate = page.getByLabel(words.advanced.gateRatio);
    const top = async (box: Locator): Promise<number> => (await box.boundingBox())!.y;
    expect(await top(gate)).toBe(await top(page.getByLabel(words.advanced.gateKld)));
    const height = (label: string): Promise<number> =>
      page.getByText(label, { exact: true }).evaluate(({ clientHeight }) => clientHeight);
    expect(await height(words.advanced.gateRatio)).toBeGreaterThan(await height(words.advanced.gateKld));
    await page.getByText(words.advanced.title, { exact: true }).click();
    await page.getByRole('tab', { name: words.front.views.chart }).click();
  });
});
