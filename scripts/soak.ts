// Kills the processes of small jobs 200 times (or as often as the argument says) and takes the jobs up again.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { root } from './electron.ts';

const [kills = '200', seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2);
console.log(`${kills} kills, seed ${seed}`);
const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
const { status } = spawnSync(process.execPath, [vitest, 'run', '--project', 'heavy', 'test/heavy/kills.test.ts'], {
  stdio: 'inherit',
  cwd: root,
  env: { ...process.env, SNUG_KILLS: kills, SNUG_KILL_SEED: seed },
});
process.exitCode = status ?? 1;
