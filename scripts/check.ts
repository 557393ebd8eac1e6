// Everything about the code that needs no run of it. `node scripts/check.ts NAME...` runs only the named checks.
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');

type Command = [program: string, ...args: string[]];

const checks: Record<string, Command[]> = {
  types: [
    ['typescript/bin/tsc', '--project', 'tsconfig.node.json'],
    ['typescript/bin/tsc', '--project', 'tsconfig.electron.json'],
    ['vue-tsc/bin/vue-tsc.js', '--project', 'tsconfig.renderer.json'],
    ['vue-tsc/bin/vue-tsc.js', '--project', 'tsconfig.tests.json'],
  ],
  lint: [['eslint/bin/eslint.js', '.', '--max-warnings', '0']],
  borders: [['dependency-cruiser/bin/dependency-cruiser.mjs', 'src-main', 'src-renderer']],
  unused: [['knip/bin/knip.js']],
  format: [['oxfmt/bin/oxfmt', '--check']],
};

/** Runs every command of a check, so that one run shows all that is wrong; true when all of them passed. */
function passes(commands: Command[]): boolean {
  const statuses = commands.map(([program, ...args]) => {
    const file = path.join(root, 'node_modules', program);
    return spawnSync(process.execPath, [file, ...args], { cwd: root, stdio: 'inherit' }).status;
  });
  return statuses.every((status) => status === 0);
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(checks);
const failed: string[] = [];
for (const name of names) {
  const commands = checks[name];
  if (!commands) throw new Error(`There is no check "${name}". Checks: ${Object.keys(checks).join(', ')}.`);
  const startedAt = performance.now();
  console.log(`--- ${name}`);
  const passed = passes(commands);
  if (!passed) failed.push(name);
  console.log(`${passed ? 'passed' : 'FAILED'}: ${name} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
}
if (failed.length > 0) console.log(`\nFailed: ${failed.join(', ')}`);
process.exitCode = failed.length > 0 ? 1 : 0;
