// Takes a picture of every screen, light and dark: `npm run screenshots [-- FOLDER [WALK]]`, which starts this through
// scripts/desktop.ts; WALK is one of the functions below. The last line of output is the folder with the pictures.
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  answerSaveDialog,
  dropFile,
  launch,
  openSampleIn,
  resize,
  startFitIn,
  startStudyIn,
  type RunningApp,
} from '../test/desktop/app.ts';
import { shapeOf32B, writeHollowModel } from '../test/desktop/hollow-model.ts';
import { findEngine } from '../test/desktop/processes.ts';
import { seedHistory } from '../test/support/history-runs.ts';
import { fixtures } from '../test/support/paths.ts';
import { root } from './electron.ts';

const folder = path.resolve(process.env['INIT_CWD'] ?? root, process.argv[2] ?? path.join(root, 'screenshots'));

/** A fit of the sample takes half a minute on an idle machine; other work multiplies that. */
const patienceMs = 300_000;

/** A home in which programs are found, so that no picture shows what this machine has. */
function homeWithRunners(folder: string): string {
  const home = path.join(folder, 'home');
  mkdirSync(path.join(home, '.lmstudio/models'), { recursive: true });
  return home;
}

/** Time for a transition to end, and for the other theme to be painted. */
const settleMs = 400;

async function photograph({ page }: RunningApp, name: string): Promise<void> {
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme });
    await page.waitForTimeout(settleMs);
    await page.screenshot({ path: path.join(folder, `${name}-${theme}.png`) });
  }
  console.log(name);
}

async function askBoth({ page }: RunningApp): Promise<void> {
  const ask = page.getByRole('region', { name: 'Ask both' });
  await ask.getByLabel('Your question').fill('Once upon a time there was');
  await ask.getByText('How they write').click();
  await ask.getByLabel('Tokens at most').fill('40');
  await ask.getByLabel('Your question').press('Enter');
  await ask.getByText(/words are marked|word for word/).waitFor();
  await ask.scrollIntoViewIfNeeded();
}

/** Each starts in a fresh window; some of their users have a history. */
const walks: ((app: RunningApp) => Promise<void>)[] = [
  async function sampleFromStartToResult(app) {
    await app.page.getByRole('button', { name: 'Open a model…' }).waitFor();
    await photograph(app, 'start');
    await app.page.keyboard.press('Control+k');
    await app.page.getByRole('dialog').waitFor();
    await photograph(app, 'palette');
    await app.page.keyboard.press('Escape');
    await app.page.keyboard.press('Control+,');
    await photograph(app, 'settings');
    await app.page.keyboard.press('1');
    await openSampleIn(app);
    await photograph(app, 'plans-sample');
    await app.page.getByText('Advanced', { exact: true }).click();
    await app.page.getByRole('button', { name: 'Back to the defaults' }).scrollIntoViewIfNeeded();
    await photograph(app, 'advanced');
    await answerSaveDialog(app, path.join(app.folder, 'made.gguf'));
    await app.page.getByRole('button', { name: 'Make it…' }).click();
    await app.page.getByRole('dialog').getByRole('heading').waitFor();
    await photograph(app, 'preflight');
    await app.page.keyboard.press('Escape');
    await startFitIn(app);
    await app.page.getByRole('progressbar', { name: 'Calibrate, progress' }).waitFor();
    await photograph(app, 'run');
    await app.page.getByRole('region', { name: 'Result' }).waitFor();
    await photograph(app, 'result');
    await askBoth(app);
    await photograph(app, 'ask-both');
    await app.page.getByRole('button', { name: 'History' }).click();
    await app.page.locator('#run-row-0').click({ button: 'right' });
    await app.page.getByRole('menuitem', { name: 'Export…' }).click();
    await app.page.getByRole('dialog').getByRole('button', { name: 'LM Studio' }).waitFor();
    await photograph(app, 'export');
    await app.page.keyboard.press('Escape');
    await app.page.keyboard.press('4');
    await app.page.getByText('made.gguf').first().waitFor();
    await photograph(app, 'models');
  },
  async function historyOfManyRuns(app) {
    await app.page.getByRole('button', { name: 'Open a model…' }).waitFor();
    await app.page.keyboard.press('3');
    await app.page.getByRole('grid', { name: 'History' }).waitFor();
    await photograph(app, 'history');
    await app.page.getByRole('grid', { name: 'History' }).focus();
    await app.page.keyboard.press('Home');
    for (const key of ['Space', 'Shift+ArrowDown', 'Shift+ArrowDown']) await app.page.keyboard.press(key);
    await app.page.getByRole('button', { name: 'Compare' }).click();
    await app.page.getByRole('heading', { name: /loses least$/ }).waitFor();
    await photograph(app, 'compare');
    await app.page.getByRole('button', { name: 'All runs' }).click();
    await app.page.getByRole('grid', { name: 'History' }).focus();
    await app.page.keyboard.press('Home');
    await app.page.keyboard.press('Enter');
    await app.page.getByLabel('Note').waitFor();
    await photograph(app, 'history-run');
  },
  async function sliceOfTheSample(app) {
    await app.page.getByRole('button', { name: 'Open a model…' }).waitFor();
    await openSampleIn(app);
    await app.page.getByLabel('Card memory').fill('20 MiB');
    await app.page.getByText(/plans for a 20\.0 MiB card/).waitFor();
    const slice = app.page.getByRole('radio', { name: /^Sliced to/ });
    await slice.check();
    await slice.evaluate((row) => row.scrollIntoView({ block: 'center' }));
    await photograph(app, 'plans-slice');
    await startFitIn(app);
    const result = app.page.getByRole('region', { name: 'Result' });
    await result.waitFor();
    await photograph(app, 'result-slice');
  },
  async function studiesOfTheSample(app) {
    await app.page.getByRole('button', { name: 'Open a model…' }).waitFor();
    await app.page.keyboard.press('5');
    await app.page.getByRole('button', { name: 'The sample' }).click();
    await app.page.getByRole('radio', { name: /^Slice and quantise/ }).check();
    await photograph(app, 'study-form');
    await app.page.getByRole('radio', { name: /^Cut more or less/ }).check();
    await startStudyIn(app);
    await app.page.getByRole('row', { name: /by variance/ }).waitFor();
    await photograph(app, 'study-running');
    await app.page.getByRole('heading', { name: 'How it was measured' }).waitFor();
    await photograph(app, 'study');
    await app.page.getByRole('button', { name: 'All studies' }).click();
    await photograph(app, 'studies');
  },
  async function plansOfALargeModel(app) {
    const model = path.join(app.folder, 'Example-32B.F16.gguf');
    await writeHollowModel(model, shapeOf32B);
    await app.page.getByRole('button', { name: 'Open a model…' }).waitFor();
    await dropFile(app.page, model);
    await app.page.getByLabel('Card memory').fill('24 GB');
    await app.page.getByRole('heading', { name: /^Fits/ }).waitFor();
    await photograph(app, 'plans-32b');
    await app.page.getByRole('listbox', { name: /^Plans/ }).scrollIntoViewIfNeeded();
    await photograph(app, 'front-32b');
    await app.page.getByRole('tab', { name: 'Table' }).click();
    await photograph(app, 'table-32b');
    await app.page.getByRole('tab', { name: 'Chart' }).click();
    await app.page.getByLabel('Card memory').fill('1.1 GB'); // the reserve alone takes 1 GiB
    await app.page.getByRole('heading', { name: /^Nothing fits/ }).waitFor();
    await photograph(app, 'does-not-fit');
  },
  async function inASmallWindow(app) {
    await app.page.getByRole('button', { name: 'Open a model…' }).waitFor();
    await openSampleIn(app);
    await resize(app, 900, 600);
    await photograph(app, 'plans-900x600');
  },
  async function inGerman(app) {
    await app.page.keyboard.press('Control+,');
    await app.page.getByRole('radio', { name: 'Deutsch' }).check();
    await app.page.keyboard.press('1');
    await app.page.getByRole('button', { name: 'Am Beispiel ausprobieren' }).click();
    await app.page.getByRole('region', { name: 'Pläne' }).waitFor();
    await photograph(app, 'plans-german');
  },
  async function thingsThatGoWrong(app) {
    await app.page.getByRole('button', { name: 'Open a model…' }).waitFor();
    await dropFile(app.page, path.join(fixtures, 'hostile/gguf-bad-magic.gguf'));
    await app.page.getByRole('alert').waitFor();
    await photograph(app, 'damaged-file');
    process.kill(findEngine(app), 'SIGKILL');
    await app.page.getByRole('heading', { name: 'The engine stopped' }).waitFor();
    await photograph(app, 'engine-stopped');
  },
];

mkdirSync(folder, { recursive: true });
const wanted = process.argv[3];
for (const walk of walks.filter(({ name }) => wanted === undefined || name === wanted)) {
  const home = mkdtempSync(path.join(tmpdir(), 'snug-window-'));
  if (walk.name === 'historyOfManyRuns') await seedHistory(home, 40);
  const app = await launch({ HOME: homeWithRunners(home) }, { folder: home });
  try {
    app.page.setDefaultTimeout(patienceMs);
    await walk(app);
  } finally {
    await app.close();
  }
}
console.log(folder);
