// Who owns an unfinished calibration, and which ones go when room is needed.
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { processTag } from '../../src-main/core/process-identity.ts';
import { StatisticsStore } from '../../src-main/engine/library/statistics-store.ts';
import { temporaryFolder } from '../support/engine.ts';

const names = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(64));
const hours = (count: number): Date => new Date(Date.now() - count * 3_600_000);

function fill(home: string): StatisticsStore {
  for (const [index, name] of names.entries()) {
    const folder = path.join(home, name);
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'gram.gguf'), new Uint8Array(1000));
    utimesSync(path.join(folder, 'gram.gguf'), hours(10 - index), hours(10 - index));
  }
  return new StatisticsStore(home);
}

test('what was not used for longest goes first, never what is used now', async () => {
  const home = temporaryFolder();
  const store = fill(home);
  await store.evict(names[0]!, 4000);
  expect(readdirSync(home).toSorted()).toEqual(names);
  await store.evict(names[0]!, 2500);
  expect(readdirSync(home).toSorted()).toEqual([names[0], names[3]]);
  await store.evict(names[0]!, 10);
  expect(readdirSync(home)).toEqual([names[0]]);
});

test('what a job has taken stays with it', async () => {
  const home = temporaryFolder();
  const store = fill(home);
  writeFileSync(path.join(home, names[0]!, 'importance.gguf'), 'squares');
  const files = await store.take(names[0]!, path.join(home, 'mine'));
  await store.evict(names[1]!, 0);
  expect(await store.has(names[0]!)).toBe(false);
  expect(readFileSync(files.gram)).toHaveLength(1000);
  expect(readFileSync(files.importance, 'utf8')).toBe('squares');
});

/** Of a process whose start is not known. */
const tagOf = (pid: number): string => processTag({ pid, startTime: null });

test('parts of dead owners go after seven days, those of owners that touch them stay', async () => {
  const home = temporaryFolder();
  const dead = 2 ** 22 + 1; // above the largest id that Linux gives
  for (const [name, owner, age] of [
    [names[0]!, tagOf(dead), 8 * 24],
    [names[1]!, tagOf(dead), 6 * 24],
    [names[2]!, tagOf(process.ppid), 0],
    [names[3]!, 'nobody', 8 * 24],
  ] as const) {
    const folder = path.join(home, `${name}.part`);
    mkdirSync(folder);
    const file = path.join(folder, `owner.${owner}`);
    writeFileSync(file, '');
    utimesSync(file, hours(age), hours(age));
  }
  mkdirSync(path.join(home, `x.${tagOf(dead)}.temporary`));
  const store = new StatisticsStore(home);
  await store.evict('none', 0);
  expect(readdirSync(home).toSorted()).toEqual([`${names[1]}.part`, `${names[2]}.part`]);
  expect(await store.claim(names[2]!)).toBeNull();
  utimesSync(path.join(home, `${names[2]}.part/owner.${tagOf(process.ppid)}`), hours(1), hours(1)); // its id is another's by now
  const owned = await store.claim(names[2]!);
  expect(owned).not.toBeNull();
  await owned?.release(false);
}, 30_000);

test('of many that claim a part at once, one gets it', async () => {
  const home = temporaryFolder();
  const store = new StatisticsStore(home);
  const claims = await Promise.all(Array.from({ length: 5 }, () => store.claim(names[0]!)));
  const won = claims.filter((claim) => claim !== null);
  expect(won).toHaveLength(1);
  await won[0]!.release(true);
  const again = await store.claim(names[0]!);
  await again!.publish();
  expect(readdirSync(home)).toEqual([names[0]]);
  expect(readdirSync(path.join(home, names[0]!))).toEqual([]);
});
