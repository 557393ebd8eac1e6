// The Studies area over the real engine: form, preflight, rows and plot as they come, history, clone, resume, refusal.
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { de } from '../../src-renderer/words/de.ts';
import { cutSideways, fitWaitMs, launch, resizeToSmallest, speakGerman, startStudyIn, type RunningApp } from './app.ts';
import { seriousViolations } from './axe.ts';
import { shapeOf32B, writeHollowModel } from './hollow-model.ts';

let app: RunningApp;

beforeEach(async () => {
  app = await launch();
  await app.page.getByRole('button', { name: 'Open a model…' }).waitFor();
  await app.page.keyboard.press('5');
  await app.page.getByRole('heading', { name: 'What would you like to know?' }).waitFor();
});

afterEach(async () => {
  await app.close();
});

/** Little text: what is tested is the way, not the figures. */
async function useLittleText(): Promise<void> {
  const { page } = app;
  await page.getByText('Texts, windows, device').click();
  await page.getByLabel('Samples', { exact: true }).fill('4');
  await page.getByLabel('Tokens each').fill('64');
  await page.getByLabel('Window, tokens').fill('64');
  await page.getByLabel('Windows', { exact: true }).fill('4');
}

describe('the Studies area', () => {
  it(
    'starts a study of the sample, shows rows and plot as they come, and keeps them',
    async () => {
      const { page } = app;
      await page.getByText('No studies yet.').waitFor();
      expect(await seriousViolations(page)).toEqual([]);
      await page.getByRole('button', { name: 'The sample' }).click();
      await page.getByRole('radio', { name: /^Cut more or less/ }).check();
      await page.getByLabel('Values').fill('0.25, two');
      await page.getByText('Write shares between 0 and 1').waitFor();
      expect(await page.getByRole('button', { name: 'Start…' }).isDisabled()).toBe(true);
      await page.getByLabel('Values').fill('0.25, 0.5');
      await useLittleText();
      expect(await seriousViolations(page)).toEqual([]);
      await startStudyIn(app);

      const table = page.getByRole('table', { name: 'Rows of the study' });
      await table.getByRole('row', { name: /^25% constant/ }).waitFor({ timeout: fitWaitMs });
      await page.getByRole('progressbar', { name: /^[1-3] of 4 rows$/ }).waitFor(); // it still runs
      await page.getByRole('img', { name: /^Loss by how much is cut\. .*25% / }).waitFor();
      await page.getByRole('button', { name: 'Pause', exact: true }).click();
      await page.getByRole('button', { name: 'Resume', exact: true }).waitFor({ timeout: fitWaitMs });
      await table.getByRole('row', { name: /^25% constant/ }).waitFor(); // what was finished stays
      expect(await seriousViolations(page)).toEqual([]);
      await page.getByRole('button', { name: 'All studies' }).click();
      await page.getByRole('button', { name: /^Resume: Cut more or less, sample/ }).click();

      await page
        .getByRole('heading', { name: /^Cutting 25% loses [\d.]+, cutting .* loses/ })
        .waitFor({ timeout: fitWaitMs });
      await page.getByRole('heading', { name: 'How it was measured' }).waitFor({ timeout: fitWaitMs });
      expect(await table.getByRole('row').count()).toBe(5);
      await page.getByRole('img', { name: /one width everywhere 25%.*widths by variance/ }).waitFor();
      await page.getByLabel('Along').selectOption('file size');
      await page.getByLabel('Measured by').selectOption('Perplexity');
      await page.getByRole('img', { name: /^Loss by file size\./ }).waitFor();
      await page.getByText('As a table').click();
      await page.getByRole('region', { name: 'Loss by file size, as a table' }).waitFor();
      expect(await seriousViolations(page)).toEqual([]);

      await page.getByRole('button', { name: 'Copy as Markdown' }).click();
      await page.getByText('4 rows are in the clipboard as Markdown.', { exact: true }).last().waitFor();
      const markdown = await app.electron.evaluate(({ clipboard }) => clipboard.readText());
      expect(markdown.split('\n')).toHaveLength(6);
      await page.getByRole('button', { name: 'Copy as CSV' }).click();
      await page.getByText('4 rows are in the clipboard as CSV.', { exact: true }).last().waitFor();
      const csv = await app.electron.evaluate(({ clipboard }) => clipboard.readText());
      expect(csv).toMatch(/^value,perplexity,/);

      await page.reload();
      await page.getByRole('button', { name: 'Open a model…' }).waitFor();
      await page.keyboard.press('5');
      await page.getByRole('button', { name: /^Open: Cut more or less/ }).click();
      await page.getByRole('img', { name: /^Loss by how much is cut\./ }).waitFor();
      await page.getByRole('button', { name: 'Clone with changes…' }).waitFor();
      await resizeToSmallest(app);
      await speakGerman(app);
      expect(await cutSideways(page)).toEqual([]);
      await page.getByRole('button', { name: de.studies.actions.clone }).click();
      await page.getByRole('region', { name: de.model.label }).waitFor();
      expect(await page.getByLabel(de.studies.fields.values).inputValue()).toBe('0.25, 0.5');
      expect(app.complaints).toEqual([]);
    },
    fitWaitMs * 2,
  );

  it('says in the words of the engine why a model cannot be studied', async () => {
    const { page } = app;
    const model = path.join(app.folder, 'other.gguf');
    await writeHollowModel(model, shapeOf32B, 'mamba');
    await app.electron.evaluate(({ dialog }, file) => {
      dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [file] });
    }, model);
    await page.getByRole('button', { name: 'Open a model…' }).click();
    await page
      .getByRole('alert')
      .getByText(/^It cannot be studied like this: .*mamba/)
      .waitFor();
    expect(await page.getByRole('button', { name: 'Start…' }).isDisabled()).toBe(true);
    expect(app.complaints).toEqual([]);
  });
});
