// Runs the measurements of test/bench one after the other: each is a program that prints what it found.
// `npm run bench -- NAME ARGUMENTS...` runs one of them with its arguments.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fail, root } from './electron.ts';

const folder = path.join(root, 'test/bench');
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => path.basename(file, '.ts'));

const [wanted, ...args] = process.argv.slice(2);
if (wanted !== undefined && !names.includes(wanted))
  fail(`There is no "${wanted}" in test/bench: ${names.join(', ')}.`);

for (const name of wanted === undefined ? names : [wanted]) {
  console.log(`--- ${name}`);
  const { status } = spawnSync(process.execPath, [path.join(folder, `${name}.ts`), ...args], {
    stdio: 'inherit',
    cwd: root,
  });
  if (status !== 0) process.exitCode = 1;
}
