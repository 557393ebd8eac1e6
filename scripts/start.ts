// Builds the window and opens it.
import { spawn } from 'node:child_process';
import { buildWindow, electronEnvironment, fail, findElectron, hasDisplay, root, sandboxSwitches } from './electron.ts';

if (!hasDisplay()) {
  fail('There is no display: neither DISPLAY nor WAYLAND_DISPLAY is set. "npm run screenshots" needs none.');
}
const electron = findElectron();
buildWindow();
const args = [...sandboxSwitches(), root, ...process.argv.slice(2)];
const window = spawn(electron.program, args, { stdio: 'inherit', cwd: root, env: electronEnvironment(electron) });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => window.kill(signal));
window.on('exit', (code) => process.exit(code ?? 1));
