// Runs a script that needs the window (tests, screenshots): builds it, finds an Electron, and brings a display where there is none.
//
//   node scripts/desktop.ts SCRIPT ARGUMENTS...
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { buildWindow, electronEnvironment, fail, failForDisplay, findElectron, hasDisplay, root } from './electron.ts';

const [script, ...args] = process.argv.slice(2);
if (script === undefined) fail('Name a script: node scripts/desktop.ts SCRIPT ARGUMENTS...');

/** xvfb-run draws into memory. A machine for tests (root and no display) may get it installed, a person's own is asked to. */
function virtualDisplay(): string[] {
  const electronDist = path.join(root, 'scripts/electron-dist');
  if (process.getuid?.() === 0) spawnSync(electronDist, ['--apt'], { stdio: ['ignore', 2, 2] });
  if (spawnSync('xvfb-run', ['--help'], { stdio: 'ignore' }).status === 0) return ['xvfb-run', '-a'];
  failForDisplay();
}

const display = hasDisplay() ? [] : virtualDisplay();
const env = electronEnvironment(findElectron());
buildWindow();
const [command = '', ...rest] = [...display, process.execPath, path.resolve(root, script), ...args];
const { status, error } = spawnSync(command, rest, { stdio: 'inherit', cwd: root, env });
if (error) throw error;
process.exitCode = status ?? 1;
