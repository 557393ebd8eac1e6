// After a run, in the real window: its report asked, exported and taken back, saved; its recipe saved and opened again.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleModel } from '../support/paths.ts';
import { answerSaveDialog, fitWaitMs, launch, resize, type RunningApp } from './app.ts';
import { seriousViolations } from './axe.ts';

let home: string;
let app: RunningApp;
let output: string;

/** Another program's home, so that no program of this machine is touched. */
beforeAll(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'snug-home-'));
  mkdirSync(path.join(home, '.lmstudio/models'), { recursive: true });
  app = await launch({ HOME: home });
  output = path.join(app.folder, 'made.gguf');
  await app.page.getByRole('button', { name: 'Open a model…' }).waitFor();
  const quick = { importance: 'off', evaluation: { windows: 2, window: 256 } };
  await start({ verb: 'quantize', model: sampleModel, type: 'Q4_0', output, ...quick });
  await app.page.keyboard.press('2');
  await report().waitFor({ timeout: fitWaitMs });
}, 600_000);

afterAll(async () => {
  await app.close();
  rmSync(home, { recursive: true, force: true });
});

const report = () => app.page.getByRole('region', { name: 'Result' });
const button = (name: string | RegExp) => report().getByRole('button', { name, exact: typeof name === 'string' });

/** Through the page's own store, as a screen would. */
function start(recipe: Record<string, unknown>): Promise<string> {
  return app.page.evaluate((wanted) => {
    interface Mounted {
      __vue_app__: {
        config: { globalProperties: { $pinia: { _s: Map<string, { start(recipe: unknown): Promise<string> }> } } };
      };
    }
    const mounted = document.querySelector('#app') as unknown as Mounted;
    return mounted.__vue_app__.config.globalProperties.$pinia._s.get('jobs')!.start(wanted);
  }, recipe);
}

/** The next dialogs for a folder answer with this path. */
async function answerFolderDialog(folder: string): Promise<void> {
  await app.electron.evaluate(({ dialog }, filePath) => {
    dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [filePath] });
  }, folder);
}

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
    await report()
      .getByText(/Open LM Studio, My Models/)
      .waitFor();
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
  });

  it('exports to a folder, and refuses a name that is taken there', async () => {
    const folder = path.join(app.folder, 'elsewhere');
    mkdirSync(folder);
    await answerFolderDialog(folder);
    await button('Folder…').click();
    await report().getByText(`The model is in ${folder}.`).waitFor();
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
      .getByText(/it is another file/)
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
    await button('Save as HTML…').click();
    await report().getByText(html).waitFor();
    const text = readFileSync(html, 'utf8');
    expect(text).toContain('made.gguf');
    expect(text).not.toMatch(/<script|https?:/);
    const pdf = path.join(app.folder, 'report.pdf');
    await answerSaveDialog(app, pdf);
    await button('Save as PDF…').click();
    await report().getByText(pdf).waitFor();
    expect(readFileSync(pdf).subarray(0, 5).toString()).toBe('%PDF-');
    expect(await page.locator('.print-sheet').count()).toBe(0);
    await page.emulateMedia({ colorScheme: null });
  });

  it('works at 900 × 600 and twice as large', async () => {
    await resize(app, 900, 600, 2);
    expect(await app.page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
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
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
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
    await page.getByLabel('output', { exact: true }).fill(file('again.gguf'));
    await page.getByRole('button', { name: 'Start' }).click();
    await report().waitFor({ timeout: fitWaitMs });
    expect(existsSync(file('again.gguf'))).toBe(true);
    expect(app.complaints).toEqual([]);
  }, 240_000);
});
