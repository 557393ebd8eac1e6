// After a run, in the real window: its report asked, exported and taken back, saved; its recipe saved and opened again.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleModel } from '../support/paths.ts';
import {
  answerFolderDialog,
  answerSaveDialog,
  cutSideways,
  eventually,
  fitWaitMs,
  launch,
  removeFolder,
  resize,
  resizeToSmallest,
  startJobIn,
  type RunningApp,
} from './app.ts';
import { seriousViolations } from './axe.ts';
import { askEngine } from './engine-port.ts';

let home: string;
let app: RunningApp;
let output: string;
let run: string;

/** Another program's home, so that no program of this machine is touched. */
beforeAll(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'snug-home-'));
  mkdirSync(path.join(home, '.lmstudio/models'), { recursive: true });
  app = await launch({ HOME: home });
  output = path.join(app.folder, 'made.gguf');
  await app.page.getByRole('button', { name: 'Open a model…' }).waitFor();
  const quick = { importance: 'off', evaluation: { windows: 2, window: 256 } };
  run = await startJobIn(app, { verb: 'quantize', model: sampleModel, type: 'Q4_0', output, ...quick });
  await app.page.keyboard.press('2');
  await report().waitFor({ timeout: fitWaitMs });
}, 600_000);

afterAll(async () => {
  await app.close();
  await removeFolder(home);
});

const report = () => app.page.getByRole('region', { name: 'Result' });
const outcome = () => report().getByRole('group', { name: 'What became of it' });
/** Takes an entry of the menu that keeps the report. */
async function keep(entry: string): Promise<void> {
  await button('Save…').click();
  await app.page.getByRole('menuitem', { name: entry }).click();
}
const hasFocus = (control: Locator): Promise<void> =>
  eventually(() => control.evaluate((element) => element === document.activeElement));
const button = (name: string | RegExp) => report().getByRole('button', { name, exact: typeof name === 'string' });

describe('the report', () => {
  it('asks both, streamed and marked, and stops when it is told to', async () => {
    const { page } = app;
    const ask = report().getByRole('region', { name: 'Ask both' });
    await ask.getByLabel('Your question').fill('Once upon a time there was');
    await ask.getByText('How they write').click();
    await ask.getByLabel('Tokens at most').fill('24');
    await ask.getByLabel('Your question').press('Enter');
    const [original, made] = ['Original', 'New model'].map((name) => ask.getByRole('article', { name }));
    for (const side of [original!, made!])
      await side.getByText(/^24 tokens · .* tokens\/s/).waitFor({ timeout: 60_000 });
    await ask.getByText(/words are marked|word for word/).waitFor();
    await ask.getByText('Continued as plain text: the model has no chat template.').waitFor();
    expect(await seriousViolations(page)).toEqual([]);

    await ask.getByLabel('Tokens at most').fill('400');
    await ask.getByRole('button', { name: 'Ask' }).click();
    await ask.getByRole('button', { name: 'Stop' }).click();
    await ask.getByText('Stopped.').waitFor({ timeout: 2500 });
    await ask.getByRole('button', { name: 'Ask' }).waitFor();
  }, 240_000);

  it('exports to a program that was found with one press, and takes it out again', async () => {
    await button('LM Studio').click();
    const placed = path.join(home, '.lmstudio/models/snug/made/made.gguf');
    await report().getByText('It is in LM Studio', { exact: true }).waitFor();
    expect(statSync(placed).ino).toBe(statSync(output).ino);
    await report().getByText('Choose snug/made in My Models.', { exact: true }).waitFor();
    // The place is said once.
    expect(await outcome().getByText('LM Studio').count()).toBe(1);
    expect(await report().getByRole('region', { name: 'Placed before' }).count()).toBe(0);
    await report()
      .getByText(/5 programs were not found/)
      .click();
    await button('Ollama is in another folder…').waitFor();
    expect(await seriousViolations(app.page)).toEqual([]);
    await button('Undo the export to LM Studio').click();
    await report()
      .getByText(/^Taken out again/)
      .waitFor();
    expect(existsSync(placed)).toBe(false);
    await button('Close').click();
  });

  it('keeps the keyboard where an export is told, and gives it back to the button that began it', async () => {
    const { keyboard } = app.page;
    await button('LM Studio').focus();
    await keyboard.press('Enter');
    await button('Undo the export to LM Studio').focus();
    await keyboard.press('Enter');
    await outcome()
      .getByText(/^Taken out again/)
      .waitFor();
    await hasFocus(outcome());
    await keyboard.press('Tab');
    await hasFocus(button('Close'));
    await keyboard.press('Enter');
    await outcome().waitFor({ state: 'detached' });
    await hasFocus(button('LM Studio'));

    // From the list of earlier exports: the entry goes, and what is told of it has the focus.
    await keyboard.press('Enter');
    await button('Close').focus();
    await keyboard.press('Enter');
    await hasFocus(button('LM Studio'));
    await report().getByRole('region', { name: 'Placed before' }).getByRole('button').focus();
    await keyboard.press('Enter');
    await outcome()
      .getByText(/^Taken out again/)
      .waitFor();
    await hasFocus(outcome());
    await button('Close').click();
  });

  it('exports from the palette', async () => {
    const { keyboard } = app.page;
    await keyboard.press('Control+k');
    await app.page.getByRole('option', { name: 'Use it in LM Studio' }).click();
    await report().getByText('It is in LM Studio', { exact: true }).waitFor();
    await button('Undo the export to LM Studio').click();
    await report()
      .getByText(/^Taken out again/)
      .waitFor();
    await button('Close').click();
  });

  it('shows and copies the command for llama-server that the engine says', async () => {
    await button('Show the command').click();
    const told = report().getByRole('status').filter({ hasText: 'The command for llama-server' });
    await told.waitFor();
    const asked = { source: { run }, to: { runner: 'llama-server' }, name: null, at: null, link: null };
    const { next } = await askEngine(app.page, 'runners.export', asked);
    expect(next).toBe(`llama-server --model ${output} --ctx-size 512`); // a name for the shell to find, as none is here
    expect(await told.locator('code').innerText()).toBe(next);
    await told.getByRole('button', { name: 'Copy' }).click();
    await told.getByRole('button', { name: 'Copied' }).waitFor();
    expect(await app.electron.evaluate(({ clipboard }) => clipboard.readText())).toBe(next);
    await told.getByRole('button', { name: 'Close' }).click();
  });

  it('exports to a folder, and refuses a name that is taken there', async () => {
    const folder = path.join(app.folder, 'elsewhere');
    mkdirSync(folder);
    await answerFolderDialog(app, folder);
    await button('Folder…').click();
    await report().getByText(`It is in ${folder}`, { exact: true }).waitFor();
    expect(await report().getByText(folder).count()).toBe(1);
    expect(existsSync(path.join(folder, 'README.md'))).toBe(true);
    await button(`Undo the export to ${folder}`).click();
    await report()
      .getByText(/^Taken out again/)
      .waitFor();
    expect(existsSync(path.join(folder, 'made.gguf'))).toBe(false);
    writeFileSync(path.join(folder, 'made.gguf'), 'mine');
    await button('Folder…').click();
    await report()
      .getByRole('alert')
      .getByText(/is not this model\. Choose another folder/)
      .first()
      .waitFor();
    expect(readFileSync(path.join(folder, 'made.gguf'), 'utf8')).toBe('mine');
    await report().getByRole('alert').getByRole('button', { name: 'Close' }).click();
  });

  it('is saved as a file of its own and printed, dark as it is', async () => {
    const { page } = app;
    await page.emulateMedia({ colorScheme: 'dark' });
    const html = path.join(app.folder, 'report.html');
    await answerSaveDialog(app, html);
    await keep('Save as HTML…');
    await report().getByText(html).waitFor();
    const text = readFileSync(html, 'utf8');
    expect(text).toContain('made.gguf');
    expect(text).not.toMatch(/<script|https?:/);
    const pdf = path.join(app.folder, 'report.pdf');
    await answerSaveDialog(app, pdf);
    await keep('Save as PDF…');
    await report().getByText(pdf).waitFor();
    expect(readFileSync(pdf).subarray(0, 5).toString()).toBe('%PDF-');
    expect(await page.locator('.print-sheet').count()).toBe(0);
    const recipe = path.join(app.folder, 'report.recipe.json');
    await answerSaveDialog(app, recipe);
    await keep('Save recipe…');
    await report().getByText(recipe).waitFor();
    expect(JSON.parse(readFileSync(recipe, 'utf8'))).toMatchObject({ recipe: { verb: 'quantize', type: 'Q4_0' } });
    await keep('Copy as Markdown');
    await report().getByText('The report is copied as Markdown.').waitFor();
    expect(await app.electron.evaluate(({ clipboard }) => clipboard.readText())).toMatch(/^# It runs/);
    await hasFocus(button('Save…'));
    await page.emulateMedia({ colorScheme: null });
  });

  it('works at 900 × 600 and twice as large', async () => {
    await resizeToSmallest(app);
    expect(await cutSideways(app.page)).toEqual([]);
    expect(await seriousViolations(app.page)).toEqual([]);
    await resize(app, 1280, 800);
  });
});

describe('the history', () => {
  const file = (name: string): string => path.join(app.folder, name);

  it('saves the recipe of a run, exports it, and saves the list', async () => {
    const { page } = app;
    await page.keyboard.press('3');
    await page.getByRole('grid', { name: 'History' }).waitFor();
    await answerSaveDialog(app, file('runs.csv'));
    await page.getByRole('button', { name: 'Save list as CSV…' }).click();
    await page
      .getByText(/^Saved as .*runs\.csv/)
      .first()
      .waitFor();
    expect(readFileSync(file('runs.csv'), 'utf8')).toMatch(/^run,verb,.*\n\w+,quantize/);
    await page.locator('#run-row-0').click({ button: 'right' });
    await answerSaveDialog(app, file('own.recipe.json'));
    await page.getByRole('menuitem', { name: 'Save recipe…' }).click();
    await page
      .getByText(/^Saved as .*own\.recipe\.json/)
      .first()
      .waitFor();
    expect(JSON.parse(readFileSync(file('own.recipe.json'), 'utf8'))).toMatchObject({ recipe: { type: 'Q4_0' } });
    await page.locator('#run-row-0').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Export…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Export made.gguf' });
    await dialog.getByRole('button', { name: 'LM Studio' }).waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    // The dialog holds the keyboard behind an export, and Escape closes nothing but it.
    await dialog.getByRole('button', { name: 'LM Studio' }).press('Enter');
    await dialog.getByText(/^It (is|was) in LM Studio/).waitFor();
    await dialog.locator(':focus', { hasText: 'LM Studio' }).waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('grid', { name: 'History' }).waitFor();
  });

  it('opens a recipe: a wrong one says why, a right one is started with changes', async () => {
    const { page } = app;
    writeFileSync(file('wrong.json'), JSON.stringify({ recipe: { verb: 'quantize', model: 7 } }));
    const field = page.locator('input[type=file]');
    await field.setInputFiles(file('wrong.json'));
    await page.getByRole('heading', { name: 'This is no recipe' }).waitFor();
    await page.getByText(/wrong\.json is no recipe of this Snug/).waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await page.getByRole('button', { name: 'All runs' }).click();
    await field.setInputFiles(file('own.recipe.json'));
    await page.getByRole('heading', { name: /^Quantise: sample/ }).waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    const output = page.getByLabel('File', { exact: true });
    const taken = readFileSync(await output.inputValue());
    const startAsked = async (): Promise<void> => {
      await page.getByRole('button', { name: 'Start' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Start' }).click();
    };
    const made = await output.inputValue();
    await startAsked();
    await page.getByRole('heading', { name: 'There is a file of this name already' }).waitFor({ timeout: fitWaitMs });
    expect(readFileSync(made)).toEqual(taken);
    await page.getByRole('button', { name: 'History' }).click();
    await field.setInputFiles(file('own.recipe.json'));
    await output.fill(file('again.gguf'));
    await startAsked();
    await report().waitFor({ timeout: fitWaitMs });
    expect(existsSync(file('again.gguf'))).toBe(true);
    expect(app.complaints).toEqual([]);
  }, 240_000);
});
