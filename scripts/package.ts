// Packages the application with electron-builder. Without arguments: an unpacked folder for this system in release/.
// Arguments go to electron-builder, for example `npm run package -- --linux deb`, `-- --win`, `-- --mac`.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { buildWindow, electronEnvironment, findElectron, root } from './electron.ts';

const args = process.argv.slice(2);
const hostSwitch = { linux: '--linux', darwin: '--mac', win32: '--win' }[
  process.platform as 'linux' | 'darwin' | 'win32'
];
const forOtherSystems = args.some((arg) => ['--linux', '--mac', '--win'].includes(arg) && arg !== hostSwitch);

const electron = findElectron();
buildWindow();
const settings = [`electronVersion=${electron.version}`, `electronDist=${electron.folder}`];
// The engine's Node travels along where this Electron cannot run it; the shell finds it among the resources.
if (electron.needsNode)
  settings.push(`extraResources.from=${process.execPath}`, `extraResources.to=${path.basename(process.execPath)}`);

const builder = path.join(root, 'node_modules/electron-builder/cli.js');
const { status } = spawnSync(
  process.execPath,
  [
    builder,
    ...(args.length > 0 ? args : ['--dir']),
    // Another system's Electron is downloaded by electron-builder itself.
    ...(forOtherSystems ? [] : settings.map((setting) => `-c.${setting}`)),
    '--publish',
    'never',
  ],
  { cwd: root, stdio: 'inherit', env: electronEnvironment(electron) },
);
process.exitCode = status ?? 1;
