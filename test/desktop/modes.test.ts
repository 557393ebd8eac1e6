// Both ways to run the engine, end to end: a fit of the sample, the engine's death, the window's end.
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fitWaitMs, launch, openSampleIn, planWaitMs, startFitIn, type RunningApp } from './app.ts';
import { seriousViolations } from './axe.ts';
import { findEngine, processesOf, survivors } from './processes.ts';

/** Ending takes the engine's grace, then its children's; no process is left after both. */
const endingMs = 8000;

describe.each(['node', 'utility'])('with the engine in a %s process', (mode) => {
  let app: RunningApp;

  beforeEach(async () => {
    app = await launch({ SNUG_LAUNCHER: mode });
  });

  afterEach(async () => {
    await app.close();
  });

  // In a Node process it is part of the whole way: journey.test.ts.
  if (mode === 'utility')
    it(
      'a fit of the sample shows progress to the end, and its result',
      async () => {
        await openSampleIn(app);
        const output = await startFitIn(app);
        await app.page.getByRole('progressbar', { name: 'Calibrate, progress' }).waitFor({ timeout: fitWaitMs });
        await app.page.getByText(/of [\d,]+ tokens/).waitFor({ timeout: fitWaitMs });
        expect(await seriousViolations(app.page)).toEqual([]);
        const result = app.page.getByRole('region', { name: 'Result' });
        await result.getByRole('heading', { name: /^It runs, with .* to spare/ }).waitFor({ timeout: fitWaitMs });
        await result.getByText(/^Picks the same next word as the original \d+(\.\d)? times in 100 \(± \d/).waitFor();
        expect(existsSync(output)).toBe(true);
        await result.getByRole('button', { name: 'Copy', exact: true }).click();
        await result.getByRole('button', { name: 'Copied' }).waitFor();
        expect(await app.electron.evaluate(({ clipboard }) => clipboard.readText())).toContain(`--model "${output}"`);
        expect(await seriousViolations(app.page)).toEqual([]);
        expect(app.complaints).toEqual([]);
      },
      fitWaitMs * 2,
    );

  it('a killed engine is shown as stopped, and a restart reads the model again', async () => {
    await openSampleIn(app);
    process.kill(findEngine(app), 'SIGKILL');
    await app.page.getByRole('heading', { name: 'The engine stopped' }).waitFor({ timeout: 5000 });
    await app.page.getByText(/It ended unexpectedly \((signal SIGKILL|exit code \d+)\)/).waitFor();
    expect(await seriousViolations(app.page)).toEqual([]);
    await app.page.getByRole('button', { name: 'Restart the engine' }).click();
    await app.page.getByRole('region', { name: 'Plans' }).waitFor({ timeout: planWaitMs });
  });

  it('every process ends with the window', async () => {
    await openSampleIn(app);
    const pids = processesOf(app);
    expect(pids).toContain(findEngine(app));
    await app.electron.close();
    expect(await survivors(pids, endingMs)).toEqual([]);
  });

  it('every process ends when the window is killed in the middle of a run', async () => {
    await openSampleIn(app);
    await startFitIn(app);
    await app.page.getByRole('progressbar', { name: 'Calibrate, progress' }).waitFor({ timeout: fitWaitMs });
    const pids = processesOf(app);
    app.electron.process().kill('SIGKILL');
    expect(await survivors(pids, endingMs)).toEqual([]);
  });
});
