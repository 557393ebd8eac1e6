// Packages the application for the system it runs on (the native addons are built for no other) with electron-builder.
// Without arguments: an unpacked folder in release/, and on Linux a .deb of it where dpkg-deb is installed (electron-builder's own
// target downloads its tools). Arguments go to electron-builder: `npm run package -- --linux` makes every target of
// electron-builder.yml, `-- --linux AppImage` one of them.
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { makeDeb } from './debian-package.ts';
import { buildWindow, electronEnvironment, fail, findElectron, root } from './electron.ts';
import { writeLicences } from './licences.ts';

const electron = findElectron();
buildWindow();
writeLicences(path.join(root, 'dist/licences.txt'));
const settings = [
  `electronVersion=${electron.version}`,
  `electronDist=${electron.folder}`,
  `electronFuses.runAsNode=${!electron.needsNode}`,
];
// The engine's Node travels along where this Electron cannot run it; the shell finds it among the resources.
if (electron.needsNode) {
  settings.push(`linux.extraResources.from=${process.execPath}`, `linux.extraResources.to=node`);
}

const builder = path.join(root, 'node_modules/electron-builder/cli.js');
const given = process.argv.slice(2);
const args = [...(given.length > 0 ? given : ['--dir']), ...settings.map((setting) => `-c.${setting}`)];
const env = electronEnvironment(electron);
const { status } = spawnSync(process.execPath, [builder, ...args, '--publish', 'never'], {
  cwd: root,
  stdio: 'inherit',
  env,
});
if (status !== 0) fail('Packaging failed.');

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

function folderBytes(folder: string): number {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(path.join(entry.parentPath, entry.name)).size, 0);
}

const unpacked = path.join(root, 'release/linux-unpacked');
if (given.length === 0 && process.platform === 'linux') {
  console.log(`${unpacked}: ${megabytes(folderBytes(unpacked))}`);
  const deb = makeDeb(unpacked, path.join(root, 'release'));
  console.log(deb === null ? 'No .deb: dpkg-deb is not installed.' : `${deb}: ${megabytes(statSync(deb).size)}`);
}
