// Every screen in the smallest window at twice the size, in German, whose words are longer: nothing is cut off sideways, nor
// scrolls there out of the keyboard's reach. The history is a made one; one quick run is real, with others that wait behind it.
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recipe } from '../../src-main/contract/recipe.ts';
import { thisProcess } from '../../src-main/core/process-identity.ts';
import { Catalog } from '../../src-main/engine/catalog/catalog.ts';
import { de } from '../../src-renderer/words/de.ts';
import { seedHistory } from '../support/history-runs.ts';
import { sampleModel } from '../support/paths.ts';
import {
  answerSaveDialog,
  cutSideways,
  fitWaitMs,
  launch,
  removeFolder,
  planWaitMs,
  resizeToSmallest,
  speakGerman,
  startJobIn,
  type RunningApp,
} from './app.ts';
import { findEngine } from './processes.ts';

let home: string;
let app: RunningApp;

/** A study that was stopped, for the list of studies. */
async function seedStudy(): Promise<void> {
  const catalog = await Catalog.open(home);
  const study = recipe.parse({ verb: 'study', kind: 'sparsity', model: sampleModel, values: ['0.1', '0.25', '0.4'] });
  const asked = { recipe: study, created: '2026-01-01T00:00:00.000Z', versions: {}, clonedFrom: null };
  catalog.experiments.add({ id: 'study', ...asked }, thisProcess);
  catalog.experiments.update('study', { state: 'paused' });
  catalog.close();
}

beforeAll(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'snug-smallest-'));
  mkdirSync(path.join(home, '.lmstudio/models'), { recursive: true });
  await seedHistory(home, 60);
  await seedStudy();
  app = await launch({ HOME: home, SNUG_HOME: home });
  await app.page.getByRole('button', { name: 'Open a model…' }).waitFor();
  await speakGerman(app);
  await resizeToSmallest(app);
});

afterAll(async () => {
  await app.close();
  await removeFolder(home);
});

const button = (name: string | RegExp) => app.page.getByRole('button', { name, exact: typeof name === 'string' });
const dialog = () => app.page.getByRole('dialog');
const grid = () => app.page.getByRole('grid', { name: de.history.title });
const go = (area: keyof typeof de.frame.areas): Promise<void> =>
  app.page.getByRole('navigation', { name: de.frame.areasLabel }).getByText(de.frame.areas[area]).click();

async function expectWhole(screen: string): Promise<void> {
  expect(await cutSideways(app.page), screen).toEqual([]);
}

async function unfoldAll(): Promise<void> {
  await app.page.evaluate(() => {
    for (const details of document.querySelectorAll<HTMLDetailsElement>('main details')) details.open = true;
  });
}

async function press(...keys: string[]): Promise<void> {
  await grid().focus();
  for (const key of keys) await app.page.keyboard.press(key);
}

async function closeDialog(): Promise<void> {
  await app.page.keyboard.press('Escape');
  await dialog().waitFor({ state: 'detached' });
}

describe('nothing is cut off', () => {
  it('of the frame, the start, the commands and the settings', async () => {
    const { page } = app;
    await button(de.model.start.open).waitFor();
    await expectWhole('start');
    await page.keyboard.press('Control+k');
    await dialog().getByRole('option').first().waitFor();
    await expectWhole('commands');
    await closeDialog();
    await go('settings');
    await page.getByRole('heading', { name: de.frame.areas.settings }).waitFor();
    await unfoldAll();
    await expectWhole('settings');
  });

  it('of the history, its menu, its dialogs, a run and a comparison', async () => {
    const { page } = app;
    await go('history');
    await page.locator('#run-row-0').waitFor();
    await expectWhole('history');
    await press('Home', 'Shift+F10');
    await page.getByRole('menu').waitFor();
    await expectWhole('menu of a run');
    await page.keyboard.press('Escape');
    await page.getByRole('menu').waitFor({ state: 'detached' });
    await press('Home', 'Delete');
    await dialog().getByRole('button').first().waitFor();
    await expectWhole('deletion');
    await closeDialog();
    await press('Home', 'Space', 'Shift+ArrowDown', 'Shift+ArrowDown');
    await page.getByText(de.history.selected(3), { exact: true }).waitFor();
    await expectWhole('selection');
    await button(de.history.compare).click();
    await page.getByRole('heading', { name: de.history.comparing.metrics }).waitFor();
    await unfoldAll();
    await expectWhole('comparison');
    await button(de.history.back).click();
    await button(de.history.clearSelection).click();
    await press('Home', 'Enter');
    await page.getByRole('heading', { name: de.history.detail.figures }).waitFor();
    await unfoldAll();
    await expectWhole('a run');
  });

  it('of models and studies', async () => {
    const { page } = app;
    await go('models');
    await page.getByRole('table', { name: de.models.sources }).waitFor();
    await expectWhole('models');
    await go('studies');
    await page.getByRole('table', { name: de.studies.earlier.title }).waitFor();
    await expectWhole('studies');
    await button(de.studies.model.sample).click();
    await button(de.studies.start).waitFor();
    await unfoldAll();
    await expectWhole('study form');
    await button(de.studies.start).click();
    await dialog().getByRole('heading').waitFor({ timeout: planWaitMs });
    await expectWhole('preflight of a study');
    await closeDialog();
  });

  it('of the plans, as a chart and as a table, and of what a run will take', async () => {
    const { page } = app;
    await go('fit');
    await button(de.model.start.sample).click();
    await page.getByRole('region', { name: de.plans.label }).waitFor({ timeout: planWaitMs });
    await unfoldAll();
    await expectWhole('plans');
    await page.getByRole('tab', { name: de.front.views.table }).click();
    await page.getByRole('region', { name: de.plans.rows.legend }).waitFor();
    await expectWhole('plans as a table');
    await answerSaveDialog(app, path.join(home, 'made.gguf'));
    await button(de.plans.make).click();
    await dialog().getByRole('heading').waitFor({ timeout: planWaitMs });
    await expectWhole('preflight');
    await closeDialog();
  });

  it(
    'of a run with others behind it, of any screen meanwhile, of its report and of an engine that is gone',
    async () => {
      const { page } = app;
      const quick = { importance: 'off', evaluation: { windows: 2, window: 256 }, output: path.join(home, 'q4.gguf') };
      const sliced = { method: 'per-block', sparsity: 0.25, type: 'F16', calibration: { samples: 64, length: 512 } };
      await startJobIn(app, { verb: 'slice', model: sampleModel, output: path.join(home, 'sliced'), ...sliced });
      await startJobIn(app, { verb: 'quantize', model: sampleModel, type: 'Q4_0', ...quick });
      await startJobIn(app, { verb: 'invariance', model: sampleModel });
      await startJobIn(app, { verb: 'calibrate', model: sampleModel, output: path.join(home, 'imatrix.gguf') });
      await go('runs');
      const waiting = page.getByRole('region', { name: de.runs.waiting.title });
      await waiting.getByRole('listitem').nth(2).waitFor();
      await page.getByRole('progressbar').waitFor();
      await unfoldAll();
      await expectWhole('run');
      await go('fit');
      await expectWhole('status of a run');
      await go('runs');
      for (const later of [/kalibriert abbrechen$/, /^Prüft, .* abbrechen$/])
        await waiting.getByRole('button', { name: later }).click();
      await waiting.getByRole('listitem').nth(1).waitFor({ state: 'detached' });
      await button(de.runs.cancel).click();
      await page.getByRole('heading', { name: de.runs.states.cancelled }).waitFor({ timeout: fitWaitMs });
      await expectWhole('cancelled run');
      await page
        .getByRole('navigation', { name: de.runs.list })
        .getByText(/quantisiert/)
        .click();
      const result = page.getByRole('region', { name: de.report.label });
      await result.waitFor({ timeout: fitWaitMs });
      // Programs are looked for meanwhile.
      await result.getByText(de.exporting.showCommand).waitFor({ state: 'attached' });
      await unfoldAll();
      await result.getByText(de.exporting.showCommand).click();
      await result.getByText(de.exporting.commandFor('llama-server')).waitFor();
      await expectWhole('report');
      process.kill(findEngine(app), 'SIGKILL');
      await page.getByRole('heading', { name: de.frame.stopped.title }).waitFor();
      await expectWhole('engine gone');
      expect(app.complaints).toEqual([]);
    },
    fitWaitMs,
  );
});
