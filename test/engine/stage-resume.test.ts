// Long stages of jobs whose processes are killed in the middle: what was finished is not done again, and the files are
// those of a job that nobody disturbed.
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../llama-host/host.ts';
import { bytesOf, snug, type SnugProcess } from '../support/killing.ts';
import { sampleModel } from '../support/paths.ts';

const folder = temporaryFolder();

/** The run of a home that has one. */
const checkpointsIn = (home: string): string | null => {
  const jobs = path.join(home, 'jobs');
  const [run] = existsSync(jobs) ? readdirSync(jobs) : [];
  return run === undefined ? null : path.join(jobs, run, 'checkpoints');
};

const runIn = (home: string): string => path.basename(path.dirname(checkpointsIn(home)!));

/** Kills as soon as `isReached` says so: the worker alone, or all processes with it. */
async function killedWhen(process: SnugProcess, isReached: () => boolean, whom: 'worker' | 'all'): Promise<void> {
  let isOver = false;
  void process.ended.then(() => (isOver = true));
  while (!isReached()) {
    expect(isOver, 'the job was over before it was killed').toBe(false);
    await delay(5);
  }
  const { engine, children } = process.victims()!;
  const victims = whom === 'all' ? [engine, ...children, process.command.pid!] : children;
  for (const pid of victims) globalThis.process.kill(pid, 'SIGKILL');
}

async function resultOf(process: SnugProcess): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await process.ended;
  expect(code, stdout + stderr).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe.skipIf(process.platform !== 'linux')('slicing block by block', () => {
  const args = ['slice', sampleModel, '--method', 'per-block', '--sparsity', '0.25', '--no-evaluate'];
  const quick = ['--samples', '6', '--length', '256', '--threads', '1'];
  const start = (home: string, output: string): SnugProcess => snug(home, [...args, ...quick, '--output', output]);
  const hasFinishedSteps = (home: string) => (): boolean => {
    const checkpoints = checkpointsIn(home);
    return checkpoints !== null && existsSync(path.join(checkpoints, 'slice/slice.gguf'));
  };
  let expected: string;

  beforeAll(async () => {
    const output = path.join(folder, 'undisturbed');
    expect(await resultOf(start(path.join(folder, 'home'), output))).toMatchObject({ resumedAtLayer: null });
    expected = bytesOf(output);
  });

  test('goes on at a layer when all processes were killed', async () => {
    const [home, place] = [path.join(folder, 'home-all'), path.join(folder, 'all')];
    mkdirSync(place);
    const output = path.join(place, 'sliced');
    const first = start(home, output);
    await killedWhen(first, hasFinishedSteps(home), 'all');
    await first.ended;
    expect(existsSync(output)).toBe(false);
    const result = await resultOf(snug(home, ['resume', runIn(home)]));
    expect(result['resumedAtLayer']).toBeGreaterThanOrEqual(0);
    expect(bytesOf(output)).toBe(expected);
    expect(readdirSync(place).toSorted()).toEqual(['sliced', 'sliced.recipe.json']);
    expect(existsSync(checkpointsIn(home)!)).toBe(false);
  });

  test('goes on at a layer in the same run when its worker was killed', async () => {
    const home = path.join(folder, 'home-worker');
    const output = path.join(folder, 'of-second-worker');
    const job = start(home, output);
    await killedWhen(job, hasFinishedSteps(home), 'worker');
    const result = await resultOf(job);
    expect(result['resumedAtLayer']).toBeGreaterThanOrEqual(0);
    expect(result['warnings']).toEqual(expect.arrayContaining([expect.stringContaining('done again')]));
    expect(bytesOf(output)).toBe(expected);
  });
});

describe.skipIf(process.platform !== 'linux')('writing a quantised file', () => {
  const args = ['quantize', sampleModel, '--type', 'Q4_K_M', '--importance', 'off', '--no-evaluate', '--no-prove'];
  const start = (home: string, output: string): SnugProcess =>
    snug(home, [...args, '--threads', '1', '--output', output]);
  /** Whether a tensor is finished. */
  const hasRecord = (home: string) => (): boolean => {
    const checkpoints = checkpointsIn(home);
    const names = checkpoints !== null && existsSync(checkpoints) ? readdirSync(checkpoints) : [];
    return names.some((name) => name.startsWith('file-') && existsSync(path.join(checkpoints!, name, 'record.json')));
  };

  test.each(['all', 'worker'] as const)('goes on at a tensor when %s was killed', async (whom) => {
    const place = path.join(folder, `quantised-${whom}`);
    const home = path.join(place, 'home');
    mkdirSync(place);
    const [undisturbed, output] = [path.join(place, 'undisturbed.gguf'), path.join(place, 'out.gguf')];
    expect(await resultOf(start(`${home}-undisturbed`, undisturbed))).toMatchObject({ resumedAtTensor: null });
    const job = start(home, output);
    await killedWhen(job, hasRecord(home), whom);
    if (whom === 'all') await job.ended;
    const result = await resultOf(whom === 'all' ? snug(home, ['resume', runIn(home)]) : job);
    expect(result['resumedAtTensor']).toBeGreaterThanOrEqual(1);
    expect(bytesOf(output)).toBe(bytesOf(undisturbed));
    expect(readdirSync(place).filter((name) => name.endsWith('.part'))).toEqual([]);
    expect(existsSync(checkpointsIn(home)!)).toBe(false);
  });
});
