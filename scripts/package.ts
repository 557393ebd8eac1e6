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
writeLicences(path.join(root, 'dist/licences.txt'), { carriesNode: electron.needsNode });
const settings = [
  `electronVersion=${electron.version}`,
  `electronDist=${electron.folder}`,
  `electronFuses.runAsNode=${!electron.needsNode}`,
];
// The engine's Node travels along where this Electron cannot run it; the shell finds it among the resources.
if (electron.needsNode) {
  settings.push(`linux.extraResources.from=${nodeWithoutSymbols()}`, `linux.extraResources.to=node`);
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

/** This Node without what only a debugger reads, 18 MB; as it is where binutils are not installed. */
function nodeWithoutSymbols(): string {
  const stripped = path.join(root, 'dist/node');
  const { status } = spawnSync('strip', ['-o', stripped, process.execPath], { stdio: 'ignore' });
  return status === 0 ? stripped : process.execPath;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

/** The size of a folder, and the files that make most of it. */
function describeFolder(folder: string): string {
  const files = readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => ({ name, bytes: statSync(path.join(parentPath, name)).size }))
    .toSorted((a, b) => b.bytes - a.bytes);
  const largest = files.slice(0, 8).map(({ name, bytes }) => `${name} ${megabytes(bytes)}`);
  const sum = files.reduce((total, { bytes }) => total + bytes, 0);
  return `${folder}: ${megabytes(sum)}, of it ${largest.join(', ')}`;
}

const unpacked = path.join(root, 'release/linux-unpacked');
if (given.length === 0 && process.platform === 'linux') {
  console.log(describeFolder(unpacked));
  const deb = makeDeb(unpacked, path.join(root, 'release'));
  console.log(deb === null ? 'No .deb: dpkg-deb is not installed.' : `${deb}: ${megabytes(statSync(deb).size)}`);
}
