// kill -9 of the engine, a worker or a llama host at random moments of small jobs: the history stays readable, nothing
// half made has a final name, and a job that is taken up until it is done writes the bytes of one that nobody disturbed.
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src-main/core/texts/seeded-random.ts';
import { temporaryFolder } from '../llama-host/host.ts';
import { bytesOf, snug, type SnugProcess } from '../support/killing.ts';
import { sampleModel } from '../support/paths.ts';

const kills = Number(process.env['SNUG_KILLS'] ?? 20);
const seed = Number(process.env['SNUG_KILL_SEED'] ?? 7);
const folder = temporaryFolder();
const perJobMs = 60_000;

const quick = ['--samples', '4', '--length', '256', '--window', '256', '--windows', '2', '--threads', '2'];
const jobs = [
  { name: 'quantize', output: 'quantized.gguf', args: ['quantize', sampleModel, '--type', 'Q4_K_M', ...quick] },
  { name: 'slice', output: 'sliced.gguf', args: ['slice', sampleModel, '--sparsity', '0.25', ...quick] },
  {
    name: 'slice per block',
    output: 'per-block',
    args: ['slice', sampleModel, '--method', 'per-block', '--sparsity', '0.25', ...quick],
  },
];
const found = { kills: 0, ofEngines: 0, resumed: 0 };

describe.skipIf(process.platform !== 'linux')('kill -9', () => {
  it.each(jobs.map((job, index) => ({ ...job, share: Math.floor((kills + index) / jobs.length), index })))(
    'of the processes of $name, $share times',
    async ({ name, output, args, share, index }) => {
      const random = seededRandom(seed + index);
      const start = performance.now();
      const undisturbed = path.join(folder, 'undisturbed', output);
      mkdirSync(path.dirname(undisturbed), { recursive: true });
      const first = await snug(path.join(folder, `${name}-undisturbed`), [...args, '--output', undisturbed]).ended;
      expect(first.code, first.stderr + first.stdout).toBe(0);
      const usualMs = performance.now() - start;
      for (let left = share, round = 0; left > 0; round++) {
        const place = path.join(folder, `${name}-${round}`);
        mkdirSync(place);
        left -= await disturbed({ place, args, output, expected: bytesOf(undisturbed), usualMs, random, most: left });
      }
    },
    kills * perJobMs,
  );

  afterAll(() => {
    const told = `${found.kills} kills, ${found.ofEngines} of engines; ${found.resumed} times taken up again.\n`;
    process.stdout.write(told);
    expect(found.kills).toBeGreaterThanOrEqual(kills);
  });
});

interface Disturbance {
  place: string;
  args: string[];
  output: string;
  /** Hash of what an undisturbed run wrote. */
  expected: string;
  usualMs: number;
  random: () => number;
  most: number;
}

/** Runs one job to its end with kills on the way; answers how many there were. */
async function disturbed({ place, args, output, expected, usualMs, random, most }: Disturbance): Promise<number> {
  const home = path.join(place, 'home');
  const target = path.join(place, output);
  let killed = 0;
  for (let attempt = 0; ; attempt++) {
    const begun = lastRun(home);
    if (begun !== null) found.resumed++;
    const process = snug(home, begun === null ? [...args, '--output', target] : ['resume', begun]);
    const wantsKill = killed < most && attempt < 6;
    if (wantsKill && (await killOne(process, random() * usualMs, random))) killed++;
    const { code, stdout, stderr } = await process.ended;
    expectReadable(home);
    // What has its final name is whole.
    if (existsSync(target)) expect(bytesOf(target), stderr).toBe(expected);
    if (code === 0) break;
    expect(wantsKill, `an attempt that nobody disturbed failed: ${stdout} ${stderr}`).toBe(true);
  }
  expect(existsSync(target)).toBe(true);
  expect(
    readdirSync(place)
      .filter((name) => name !== 'home')
      .toSorted(),
  ).toEqual([output, `${output}.recipe.json`]);
  expect(JSON.parse(readFileSync(`${target}.recipe.json`, 'utf8'))).toMatchObject({ run: lastRun(home, true) });
  found.kills += killed;
  return killed;
}

/** Kills the engine or one of its children after `delayMs`; false where the job was over before. */
async function killOne(process: SnugProcess, delayMs: number, random: () => number): Promise<boolean> {
  const isOver = await Promise.race([process.ended.then(() => true), delay(delayMs, false)]);
  if (isOver) return false;
  const victims = process.victims();
  if (!victims) return false;
  const { engine, children } = victims;
  const chosen = random() < 0.5 || children.length === 0 ? [engine, ...children] : [children[0]!];
  if (chosen.includes(engine)) found.ofEngines++;
  for (const pid of chosen) {
    try {
      globalThis.process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself just now.
    }
  }
  return true;
}

/** The newest run of the history; by default only one that can be taken up. */
function lastRun(home: string, evenDone = false): string | null {
  const file = path.join(home, 'catalog.sqlite');
  if (!existsSync(file)) return null;
  const database = new Database(file, { readonly: true });
  try {
    // Killed before the first migration was committed: the file is there, its tables are not.
    if (database.pragma('user_version', { simple: true }) === 0) return null;
    const row = database.prepare('SELECT id, state FROM experiments ORDER BY place DESC').get() as
      | { id: string; state: string }
      | undefined;
    return row && (evenDone || row.state !== 'done') ? row.id : null;
  } finally {
    database.close();
  }
}

function expectReadable(home: string): void {
  const file = path.join(home, 'catalog.sqlite');
  if (!existsSync(file)) return;
  const database = new Database(file);
  try {
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(database.pragma('foreign_key_check')).toEqual([]);
  } finally {
    database.close();
  }
}
