// The Runs screen over the real engine: live charts, pause and resume, the order of what waits, the log, the report.
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleModel } from '../support/paths.ts';
import { fitWaitMs, launch, openSampleIn, startFitIn, startJobIn, type RunningApp } from './app.ts';
import { seriousViolations } from './axe.ts';
import { findEngine } from './processes.ts';

let app: RunningApp;

beforeEach(async () => {
  app = await launch();
});

afterEach(async () => {
  await app.close();
});

const perBlock = (name: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  ...{ verb: 'slice', method: 'per-block', model: sampleModel, sparsity: 0.25, type: 'F16' },
  ...{ output: path.join(app.folder, name), calibration: { samples: 64, length: 512 }, ...more },
});

describe('the Runs screen', () => {
  it(
    'shows what slicing finds as it comes, is paused, resumed and reported',
    async () => {
      const { page } = app;
      await page.getByRole('button', { name: 'Open a model…' }).waitFor();
      await startJobIn(app, perBlock('sliced'));
      await page.keyboard.press('2');
      await page.getByRole('heading', { name: /^Slicing sample/ }).waitFor();
      const errors = page.getByRole('slider', { name: 'Error per layer' });
      await errors.waitFor({ timeout: fitWaitMs });
      await page.getByRole('img', { name: /^Spectrum\. .* the strongest direction holds/ }).waitFor();
      await page.getByRole('img', { name: /^Memory\. .* MiB now/ }).waitFor();
      await errors.press('Home');
      expect(await errors.getAttribute('aria-valuetext')).toMatch(/^embedding, [\d.]+%$/);
      await page.getByText('Log', { exact: true }).click();
      await page.getByRole('region', { name: 'Lines of the log' }).getByText('Started', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Pause' }).click(); // before the run is over, on a fast machine too
      await page.getByRole('heading', { name: 'Paused' }).waitFor({ timeout: fitWaitMs });
      await errors.waitFor(); // what was found stays in view
      expect(await seriousViolations(page)).toEqual([]);
      await page.reload();
      await page.getByRole('button', { name: 'Open a model…' }).waitFor();
      await page.keyboard.press('2');
      await page.getByRole('heading', { name: 'Paused' }).waitFor();
      await errors.waitFor(); // also to a page that opens later
      process.kill(findEngine(app), 'SIGKILL');
      await page.getByRole('button', { name: 'Restart the engine' }).click();
      await page
        .getByRole('region', { name: 'Stopped earlier' })
        .getByRole('button', { name: /^Resume: Slicing/ })
        .click();

      const report = page.getByRole('region', { name: 'Result' });
      await report.getByRole('heading', { name: /^It is made, and is .* smaller$/ }).waitFor({ timeout: fitWaitMs });
      await report.getByRole('slider', { name: 'Error per layer' }).waitFor();
      await report.getByRole('row', { name: /^File 13\.8 MB/ }).waitFor();
      await report.getByText('Versions').click();
      await report.getByText(/snug \d+\.\d+/).waitFor();
      expect(await seriousViolations(page)).toEqual([]);
      await report.getByRole('button', { name: 'Save…' }).click();
      await page.getByRole('menuitem', { name: 'Copy as Markdown' }).click();
      await report.getByText('The report is copied as Markdown.').waitFor();
      const copied = await app.electron.evaluate(({ clipboard }) => clipboard.readText());
      expect(copied).toMatch(/^# It is made, and is .* smaller\n/);
      expect(copied).toContain('| layer 1 · attention |');
      expect(app.complaints).toEqual([]);
    },
    fitWaitMs * 2,
  );

  it(
    'keeps what waits in the order that is given to it, and cancels',
    async () => {
      const { page } = app;
      await openSampleIn(app);
      await startFitIn(app);
      await startJobIn(app, { verb: 'invariance', model: sampleModel });
      await startJobIn(app, perBlock('second'));
      const waiting = page.getByRole('region', { name: 'Next in line' });
      const rows = waiting.getByRole('listitem');
      await rows.nth(1).waitFor();
      expect(await rows.first().innerText()).toContain('Checking');
      await waiting.getByRole('button', { name: /^Move Slicing .* up$/ }).click();
      await rows
        .first()
        .getByText(/^Slicing/)
        .waitFor();
      await waiting.getByRole('button', { name: /^Cancel Checking/ }).click();
      await rows.nth(1).waitFor({ state: 'detached' });
      expect(await seriousViolations(page)).toEqual([]);
      await waiting.getByRole('button', { name: /^Cancel Slicing/ }).click();
      await waiting.waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'Cancel', exact: true }).click();
      await page.getByRole('heading', { name: 'Cancelled' }).waitFor({ timeout: fitWaitMs });
      expect(app.complaints).toEqual([]);
    },
    fitWaitMs,
  );
});
