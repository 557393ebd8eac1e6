// Packages the application for the system it runs on (the native addons are built for no other) with electron-builder.
// Without arguments: an unpacked folder in release/. Arguments go to electron-builder: `npm run package -- --linux` makes every
// target of electron-builder.yml, `-- --linux deb` one of them.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { buildWindow, electronEnvironment, findElectron, root } from './electron.ts';

const electron = findElectron();
buildWindow();
const settings = [`electronVersion=${electron.version}`, `electronDist=${electron.folder}`];
// The engine's Node travels along where this Electron cannot run it; the shell finds it among the resources.
if (electron.needsNode) {
  settings.push(`extraResources.from=${process.execPath}`, `extraResources.to=${path.basename(process.execPath)}`);
}

const builder = path.join(root, 'node_modules/electron-builder/cli.js');
const targets = process.argv.length > 2 ? process.argv.slice(2) : ['--dir'];
const args = [builder, ...targets, ...settings.map((setting) => `-c.${setting}`), '--publish', 'never'];
const env = electronEnvironment(electron);
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env });
process.exitCode = status ?? 1;
