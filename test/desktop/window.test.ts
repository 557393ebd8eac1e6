// The real window over the real engine in a Node child: from the sample to its result, and everything that may go wrong on the way.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixtures } from '../support/paths.ts';
import { shapeOf32B, writeHollowModel } from './hollow-model.ts';
import {
  answerSaveDialog,
  closeDuringRun,
  cutSideways,
  dropFile,
  fitWaitMs,
  launch,
  openSampleIn,
  planWaitMs,
  resize,
  startFitIn,
  type RunningApp,
} from './app.ts';
import { seriousViolations } from './axe.ts';
import { findWorker, processesOf, survivors } from './processes.ts';

let app: RunningApp;

beforeEach(async () => {
  app = await launch();
});

afterEach(async () => {
  await app.close();
});

const openSample = (): Promise<void> => openSampleIn(app);

/** A fit of the sample that computes. Answers the file that it will make. */
async function startedFit(): Promise<string> {
  await openSample();
  const output = await startFitIn(app);
  await app.page.getByRole('progressbar', { name: 'Calibrate, progress' }).waitFor({ timeout: fitWaitMs });
  return output;
}

async function expectMade(output: string): Promise<void> {
  await app.page.getByRole('heading', { name: /^It runs, with .* to spare/ }).waitFor({ timeout: fitWaitMs });
  expect(existsSync(output)).toBe(true);
  expect(app.complaints).toEqual([]);
}

describe('the window', () => {
  it('opens with what it is for, and nothing to complain about', async () => {
    await app.page.getByRole('heading', { name: 'Make a language model fit your card' }).waitFor();
    expect(await app.page.title()).toBe('Snug');
    expect(await seriousViolations(app.page)).toEqual([]);
    expect(app.complaints).toEqual([]);
  });

  it('keeps to itself: no navigation, no second window, no permission, no code from text', async () => {
    const before = app.page.url();
    const found = await app.page.evaluate(async () => {
      const violations: string[] = [];
      document.addEventListener('securitypolicyviolation', (event) => violations.push(event.violatedDirective));
      const opened = window.open('https://example.org');
      location.href = 'https://example.org';
      const script = document.createElement('script');
      script.textContent = 'window.broken = true';
      document.body.append(script);
      const permission = await navigator.permissions.query({ name: 'geolocation' });
      await new Promise((resolve) => setTimeout(resolve, 300));
      return {
        violations: [...new Set(violations)],
        opened: opened !== null,
        permission: permission.state,
        node: 'require' in window || 'process' in window,
      };
    });
    expect(found).toEqual({ violations: ['script-src-elem'], opened: false, permission: 'denied', node: false });
    expect(app.page.url()).toBe(before);
    expect(app.electron.windows()).toHaveLength(1);
  });

  it('shows what inspect says of the sample, and plans for it', async () => {
    await openSample();
    const model = app.page.getByRole('region', { name: 'Model' });
    await model.getByText('All about this model').click();
    for (const fact of ['llama', '6.8 million', '13.8 MB', '512 tokens', 'Quantise'])
      await model.getByText(fact, { exact: true }).waitFor();
    await app.page.getByRole('heading', { name: /^Fits, with .*to spare$/ }).waitFor();
    expect(await app.page.getByRole('img', { name: /^Of 24\.0 MiB: Weights .* free / }).count()).toBe(1);
    expect(await seriousViolations(app.page)).toEqual([]);
    expect(app.complaints).toEqual([]);
  });

  it('plans for a typed card, anew when the card changes', async () => {
    const model = path.join(app.folder, 'Big-32B.F16.gguf');
    await writeHollowModel(model, shapeOf32B);
    await app.page.getByRole('button', { name: 'Open a model…' }).waitFor();
    await dropFile(app.page, model);
    await app.page.getByLabel('Card memory').fill('a 24 GB card');
    await app.page.getByRole('heading', { name: /^Fits, with .* GiB to spare$/ }).waitFor({ timeout: planWaitMs });
    await app.page.getByRole('radio', { name: /The source unchanged.* over by \d+\.\d GiB/ }).waitFor();
    const notes = path.join(app.folder, 'notes.txt');
    writeFileSync(notes, 'no model');
    await dropFile(app.page, notes);
    await app.page.getByRole('alert').getByText('This is no model').waitFor();
    const folder = path.join(app.folder, 'empty');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'config.json'), '{}'); // stands for its folder
    await dropFile(app.page, path.join(folder, 'config.json'));
    await app.page.getByRole('alert').getByText('empty holds no model', { exact: false }).waitFor();
    await app.page.getByRole('heading', { name: /^Fits, with .* GiB to spare$/ }).waitFor(); // still
    await app.page.getByRole('alert').getByRole('button', { name: 'Close' }).click();
    await app.page.getByRole('slider', { name: 'Context' }).press('End');
    await app.page.getByRole('heading', { name: /^Does not fit: over by ≈ \d/ }).waitFor(); // before the planner answers
    await app.page.getByLabel('Card memory').fill('1.1 GB'); // the reserve alone takes 1 GiB of it
    await app.page.getByRole('heading', { name: /^Nothing fits 1\.10 GiB/ }).waitFor({ timeout: planWaitMs });
    await app.page.getByLabel('Card memory').fill('large');
    await app.page.getByText('Write a size, such as 24 GB.').waitFor();
    const card = app.page.getByRole('combobox', { name: 'Card memory' });
    expect(await card.getAttribute('aria-expanded')).toBe('false'); // no size begins like that
    await card.press('ArrowDown');
    await app.page.getByRole('option', { name: '8 GiB', exact: true }).waitFor();
    await card.press('Escape');
    expect(await app.page.getByRole('button', { name: 'Make it…' }).isDisabled()).toBe(true);
  });

  it('chooses plans by keyboard', async () => {
    await openSample();
    const rows = app.page.getByRole('radio', { name: /mix|on all tensors|unchanged/ });
    await rows.first().focus();
    await app.page.keyboard.press('ArrowDown');
    expect(await rows.nth(1).isChecked()).toBe(true);
    await app.page.getByRole('heading', { name: /^Fits, with / }).waitFor();
  });

  it('shows the plans as a chart to walk through by arrows, and as a table', async () => {
    await openSample();
    const chart = app.page.getByRole('listbox', { name: /^Plans by size and loss/ });
    const chosen = (): Promise<string | null> =>
      chart.getByRole('option', { selected: true }).getAttribute('aria-label');
    const count = await chart.getByRole('option').count();
    const before = await chosen();
    expect(before).toMatch(/^Q8_0 mix: \d.* MiB, loses ≈ 0\.\d+\. The best that fits\.$/);
    await chart.focus();
    await app.page.keyboard.press('ArrowLeft');
    expect(await chosen()).not.toBe(before);
    const name = (await chosen())!.split(':')[0]!;
    expect(await app.page.getByRole('radio', { name }).first().isChecked()).toBe(true);
    await app.page.getByRole('tab', { name: 'Table' }).click();
    const rows = app.page.getByRole('radio', { name: /mix|on all tensors|unchanged|^Sliced/ });
    await rows.nth(count - 1).waitFor();
    expect(await rows.count()).toBe(count);
    expect(await seriousViolations(app.page)).toEqual([]);
    expect(app.complaints).toEqual([]);
  });

  it.each([1, 2])('has room in 900 × 600 at %d times the size: nothing is cut off sideways', async (zoom) => {
    await resize(app, 900, 600, zoom);
    await openSample();
    await app.page.getByText('Advanced', { exact: true }).click();
    expect(await cutSideways(app.page)).toEqual([]);
  });

  it('tells what a run takes before it starts, and takes the settings of the drawer', async () => {
    await openSample();
    await app.page.getByText('Advanced', { exact: true }).click();
    const make = app.page.getByRole('button', { name: 'Make it…' });
    await app.page.getByLabel('Samples').fill('many');
    await app.page.getByText('Write a whole number.').waitFor();
    expect(await make.isDisabled()).toBe(true);
    await app.page.getByText(/making it takes/i).waitFor({ state: 'detached' }); // nothing would run
    await app.page.getByLabel('Samples').fill('4');
    const told = app.page.getByText(/With the settings below, making it takes about/);
    const [, time] = /takes about (.+?) and/.exec(await told.innerText())!;
    expect(await seriousViolations(app.page)).toEqual([]);
    await answerSaveDialog(app, path.join(app.folder, 'made.gguf'));
    await make.click();
    const dialog = app.page.getByRole('dialog', { name: 'Make: Q8_0 mix' });
    await dialog.getByRole('heading', { name: `About ${time}`, exact: true }).waitFor(); // as beside the plan
    await dialog.getByText(path.join(app.folder, 'made.gguf')).waitFor();
    expect(await seriousViolations(app.page)).toEqual([]);
    await app.page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await make.waitFor();
    expect(app.complaints).toEqual([]);
  });

  it('has a method: plans of slices alone, and a slice block by block as a recipe of its own', async () => {
    await openSample();
    await app.page.getByText('Advanced', { exact: true }).click();
    await app.page.getByLabel('Make smaller by').selectOption('slicing only');
    await app.page.getByRole('heading', { name: /^Fits, with / }).waitFor();
    const plans = app.page.getByRole('region', { name: 'Plans' }).getByRole('radio');
    await expect.poll(() => plans.count(), { timeout: planWaitMs }).toBe(4);
    const sliced = app.page.getByRole('region', { name: 'Plans' }).getByRole('radio', { name: /^Sliced to / });
    expect(await sliced.count()).toBe(4);
    expect(await seriousViolations(app.page)).toEqual([]);
    await app.page.getByLabel('Slices computed in').selectOption('32 bits');
    await app.page.getByRole('button', { name: 'Slice block by block…' }).click();
    await app.page.locator('h1:focus').waitFor();
    expect(await app.page.locator('main').evaluate(({ scrollTop }) => scrollTop)).toBe(0);
    expect(await app.page.getByLabel('How it is cut').inputValue()).toBe('per-block');
    expect(await app.page.getByLabel('Precision').inputValue()).toBe('fp32');
    expect(await seriousViolations(app.page)).toEqual([]);
    await app.page.getByRole('button', { name: 'Back to Fit' }).click();
    expect(await app.page.getByLabel('Slices computed in').inputValue()).toBe('fp32');
    await app.page.getByText('Advanced', { exact: true }).click();
    await app.page.getByRole('button', { name: 'Back to the defaults' }).click();
    expect(await app.page.getByLabel('Make smaller by').inputValue()).toBe('any');
    expect(await app.page.getByLabel('Slices computed in').inputValue()).toBe('fp64');
    expect(app.complaints).toEqual([]);
  });

  it('goes everywhere by keyboard, and back', async () => {
    const { keyboard } = app.page;
    await app.page.getByRole('button', { name: 'Open a model…' }).waitFor();
    await keyboard.press('2');
    await app.page.getByRole('heading', { name: 'No run since Snug was opened' }).waitFor();
    await keyboard.press('Control+,');
    await app.page.getByRole('heading', { name: 'Settings' }).waitFor();
    expect(await seriousViolations(app.page)).toEqual([]);
    await keyboard.press('Escape');
    await app.page.getByRole('heading', { name: 'No run since Snug was opened' }).waitFor();
    await keyboard.press('Control+k');
    const palette = app.page.getByRole('dialog', { name: 'Commands' });
    await palette.getByRole('option', { name: 'Go to Fit 1' }).waitFor();
    await palette.getByRole('option', { name: /^Open a folder…/ }).waitFor(); // on any screen
    expect(await seriousViolations(app.page)).toEqual([]);
    await keyboard.type('deut');
    // All commands are there before the filter takes effect; Enter takes the one that is marked.
    await palette.locator('[role=option][data-highlighted]', { hasText: 'Deutsch' }).waitFor();
    await keyboard.press('Enter');
    await app.page.getByRole('heading', { name: 'Kein Lauf, seit Snug offen ist' }).waitFor();
    await keyboard.press('1');
    await app.page.getByRole('button', { name: 'Modell öffnen …' }).waitFor();
    await app.page.reload();
    await app.page.getByRole('button', { name: 'Modell öffnen …' }).waitFor();
    expect(await app.page.evaluate(() => document.documentElement.lang)).toBe('de');
    expect(app.complaints).toEqual([]);
  });

  it('takes the colours that are chosen, whatever the system has', async () => {
    const ground = (): Promise<string> => app.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await app.page.getByRole('button', { name: 'Settings' }).waitFor(); // before it there are no colours
    await app.page.emulateMedia({ colorScheme: 'light' });
    const light = await ground();
    await app.page.getByRole('button', { name: 'Settings' }).click();
    await app.page.getByRole('radio', { name: 'Dark' }).check();
    const dark = await ground();
    expect(dark).not.toBe(light);
    await app.page.emulateMedia({ colorScheme: 'dark' });
    await app.page.getByRole('radio', { name: 'Light' }).check();
    expect(await ground()).toBe(light);
    await app.page.getByRole('radio', { name: 'Like the system' }).check();
    expect(await ground()).toBe(dark);
  });

  it('says what is wrong with a malformed file, and goes on', async () => {
    await app.page.getByRole('button', { name: 'Open a model…' }).waitFor();
    await dropFile(app.page, path.join(fixtures, 'hostile/gguf-bad-magic.gguf'));
    const notice = app.page.getByRole('alert');
    await notice.getByText('This file is damaged, or not what it should be').waitFor();
    await notice
      .getByText(/gguf-bad-magic\.gguf/)
      .first()
      .waitFor();
    await notice.getByText('Details').click();
    await notice.getByText('code: FILE_MALFORMED').waitFor();
    expect(await seriousViolations(app.page)).toEqual([]);
    await notice.getByRole('button', { name: 'Open another model' }).click();
    await openSample();
  });
});

describe('a run', () => {
  it('is cancelled within two seconds and leaves no half file', async () => {
    await startedFit();
    await app.page.getByRole('button', { name: 'Cancel' }).click();
    await app.page.getByRole('heading', { name: 'Cancelled' }).waitFor({ timeout: 2000 });
    expect(readdirSync(app.folder).filter((name) => name.startsWith('made'))).toEqual([]);
    await app.page.getByRole('button', { name: 'Back to the plans' }).click();
    await app.page.getByRole('button', { name: 'Make it…' }).waitFor();
  });

  it(
    'whose worker is killed does that part again, and says so',
    async () => {
      const output = await startedFit();
      process.kill(await findWorker(app), 'SIGKILL'); // as the system does for lack of memory
      await expectMade(output);
      await app.page.getByText(/^A part of the work was done again: .*SIGKILL/).waitFor();
    },
    fitWaitMs * 2,
  );

  it(
    'of an application that was killed is found when it is opened again, and goes on',
    async () => {
      const output = await startedFit();
      const pids = processesOf(app);
      app.electron.process().kill('SIGKILL');
      expect(await survivors(pids, 8000)).toEqual([]);
      app = await launch({}, { folder: app.folder });
      await app.page.getByRole('button', { name: 'Open a model…' }).waitFor();
      await app.page.keyboard.press('2');
      const stopped = app.page.getByRole('region', { name: 'Stopped earlier' });
      await stopped.getByText('Interrupted').waitFor();
      expect(await seriousViolations(app.page)).toEqual([]);
      expect(existsSync(output)).toBe(false);
      await stopped.getByRole('button', { name: /^Resume: Making sample/ }).click();
      await expectMade(output);
    },
    fitWaitMs * 2,
  );

  it('holds the window until the user agrees to stop it, and then leaves no process behind', async () => {
    await startedFit();
    const pids = processesOf(app);
    expect(await closeDuringRun(app, 'Keep running')).toBe('open');
    expect(await closeDuringRun(app, 'Stop and close')).toBe('closed');
    expect(await survivors(pids, 6000)).toEqual([]);
  });
});
