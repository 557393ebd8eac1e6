// Several engines, each a process of its own, on one folder of saved statistics.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import type { Progress } from '../../src-main/contract/progress.ts';
import { calibrationOptions } from '../../src-main/contract/recipe.ts';
import type { BlockStatisticsOptions } from '../../src-main/engine/stages/statistics.ts';
import { temporaryFolder } from '../support/engine.ts';
import { root, sampleModel } from '../support/paths.ts';
import { statisticsJob } from '../support/statistics-job.ts';

/** Long enough to be stopped in the middle. */
const longOptions: BlockStatisticsOptions = {
  ...{ source: sampleModel, hiddenSize: 256, device: 'cpu' },
  calibration: calibrationOptions.parse({ samples: 40, length: 256 }),
};

const savedIn = (home: string): string[] => readdirSync(path.join(home, 'statistics')).toSorted();
const contentsOf = (folder: string): Record<string, Buffer> =>
  Object.fromEntries(readdirSync(folder).map((file) => [file, readFileSync(path.join(folder, file))]));

interface Line {
  progress?: Progress;
  result?: { reused: boolean; resumedAtLayer: number | null; fingerprint: string };
  error?: { code: string };
}

/** An engine in a process of its own; its lines as they come. */
function startEngine(home: string, onLine: (line: Line, kill: () => void) => void): Promise<Line> {
  const program = path.join(root, 'test/support/statistics-job.ts');
  const child = spawn(process.execPath, [program, home, JSON.stringify(longOptions)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let last: Line = {};
  createInterface({ input: child.stdout }).on('line', (text) => {
    last = JSON.parse(text) as Line;
    onLine(last, () => child.kill('SIGKILL'));
  });
  return new Promise((resolve) => child.once('close', () => resolve(last)));
}

describe('several engines', () => {
  test('one is killed; the next one takes over its part', async () => {
    const home = temporaryFolder();
    await startEngine(home, ({ progress }, kill) => {
      if (progress?.unit === 'tokens' && progress.done / progress.total > 0.5) kill();
    });
    const part = savedIn(home)[0]!;
    expect(part).toMatch(/\.part$/);
    expect(readdirSync(path.join(home, 'statistics', part)).find((name) => /^owner\.[1-9]/.test(name))).toBeDefined();
    const next = await statisticsJob({ home, options: longOptions });
    expect(next.resumedAtLayer).toBeGreaterThanOrEqual(1);
    expect(next).toMatchObject({ reused: false, warnings: [] });
    const fresh = temporaryFolder();
    await statisticsJob({ home: fresh, options: longOptions });
    const [ours, whole] = [home, fresh].map((folder) => path.join(folder, 'statistics', next.fingerprint));
    expect(contentsOf(ours!)).toEqual(contentsOf(whole!));
  });

  test('at once: one calibrates, the other waits and uses what it made', async () => {
    const home = temporaryFolder();
    const waits: string[] = [];
    const note = ({ progress }: Line): void => void waits.push(progress?.detail ?? '');
    const ends = await Promise.all([startEngine(home, note), startEngine(home, note)]);
    const results = ends.map(({ result }) => result!);
    expect(results.map(({ reused }) => reused).toSorted()).toEqual([false, true]);
    expect(waits.some((detail) => detail.startsWith('waiting for another run'))).toBe(true);
    expect(savedIn(home)).toEqual([results[0]!.fingerprint]);
  });
});
