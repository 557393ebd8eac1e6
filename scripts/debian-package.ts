// A .deb of the unpacked application, by dpkg-deb alone: the program in /opt/Snug, the command line as `snug`, a menu entry that
// takes .gguf files and snug: links, which Debian's triggers tell the desktop. electron-builder's own target downloads fpm, which
// Debian does not have.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { root } from './electron.ts';

/** What the window needs of the system: the libraries of Electron's own list for Debian (installer-linux's defaults), and one more. */
const depends = [
  'libgtk-3-0 | libgtk-3-0t64',
  'libnotify4',
  'libnss3',
  'libx11-xcb1', // opened at run time; without it the window dies
  'libxss1',
  'libxtst6',
  'xdg-utils',
  'libatspi2.0-0 | libatspi2.0-0t64',
  'libuuid1',
  'libsecret-1-0',
  'libgbm1',
  'libasound2 | libasound2t64',
];

const desktopEntry = `[Desktop Entry]
Name=Snug
Comment=Make a large language model fit one consumer GPU
Exec=/opt/Snug/snug %U
Icon=snug
Type=Application
Terminal=false
StartupWMClass=Snug
Categories=Utility;
MimeType=application/x-gguf;x-scheme-handler/snug;
`;

const mimeType = `<?xml version="1.0" encoding="UTF-8"?>
<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info">
  <mime-type type="application/x-gguf">
    <comment>GGUF model</comment>
    <magic><match type="string" offset="0" value="GGUF"/></magic>
    <glob pattern="*.gguf"/>
  </mime-type>
</mime-info>
`;

const copyright = `The texts of what Snug carries are in /opt/Snug/resources/licences.txt, of Electron and Chromium in
/opt/Snug/LICENSE.electron.txt and /opt/Snug/LICENSES.chromium.html. Snug's own:

`;

/** What `snug devices --install-cuda` added, of which dpkg does not know; an update keeps it, and uses it where it is of the same onnxruntime. */
const removeAddedFiles = `#!/bin/sh
set -e
if [ "$1" = remove ]; then
  rm -f /opt/Snug/resources/app.asar.unpacked/node_modules/onnxruntime-node/bin/*/*/*/libonnxruntime_providers_*
fi
`;

/** zstd: read by Debian 12, Ubuntu 21.10 and later; a tenth of the time of xz for a tenth more bytes. */
const compressions = { zstd: ['-Zzstd', '-z9'], none: ['-Znone'] };

/** Makes the package in `outputFolder`; answers with its path, or null where there is no dpkg-deb. @throws where it fails */
export function makeDeb(
  unpacked: string,
  outputFolder: string,
  compression: keyof typeof compressions = 'zstd',
): string | null {
  if (spawnSync('dpkg-deb', ['--version'], { stdio: 'ignore' }).status !== 0) return null;
  const { version, description } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    version: string;
    description: string;
  };
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const staging = mkdtempSync(path.join(outputFolder, 'deb-'));
  const write = (file: string, text: string, mode = 0o644): void => {
    const full = path.join(staging, file);
    mkdirSync(path.dirname(full), { recursive: true });
    writeFileSync(full, text, { mode });
  };
  try {
    mkdirSync(path.join(staging, 'opt'));
    // Hard links: half a gigabyte is not copied.
    run('cp', '-al', unpacked, path.join(staging, 'opt/Snug'));
    write('usr/share/applications/snug.desktop', desktopEntry);
    write('usr/share/mime/packages/snug.xml', mimeType);
    write('usr/share/doc/snug/copyright', copyright + readFileSync(path.join(root, 'LICENSE'), 'utf8'));
    for (const size of [16, 32, 48, 64, 128, 256, 512]) placeIcon(staging, size);
    mkdirSync(path.join(staging, 'usr/bin'));
    symlinkSync('/opt/Snug/snug-cli', path.join(staging, 'usr/bin/snug'));
    const control = {
      Package: 'snug',
      Version: version,
      Architecture: architecture,
      Section: 'utils',
      Priority: 'optional',
      Maintainer: 'The Snug contributors <contributors@snug.invalid>',
      'Installed-Size': installedKilobytes(staging),
      Depends: depends.join(', '),
      // Loads the drivers of GPUs, for llama.cpp and onnxruntime; without it everything runs on the CPU.
      Recommends: 'libvulkan1',
      Description: description,
    };
    const fields = Object.entries(control).map(([name, value]) => `${name}: ${value}\n`);
    write('DEBIAN/control', fields.join(''));
    write('DEBIAN/prerm', removeAddedFiles, 0o755);
    // Whatever the umask of who packs: everyone may read, root alone write. The files of `unpacked` get it too.
    run('chmod', '-R', 'a-st,u=rwX,go=rX', staging);
    useSandboxHelper(path.join(staging, 'opt/Snug/chrome-sandbox'));
    const deb = path.join(outputFolder, `snug_${version}_${architecture}.deb`);
    run('dpkg-deb', '--root-owner-group', ...compressions[compression], '--build', staging, deb);
    return deb;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function run(command: string, ...args: string[]): void {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed.`);
}

/** As dpkg-gencontrol counts (deb-substvars(5)): files rounded up to KiB, 1 for everything else, `folder` too. */
function installedKilobytes(folder: string): number {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .map((entry) => (entry.isFile() ? Math.ceil(statSync(path.join(entry.parentPath, entry.name)).size / 1024) : 1))
    .reduce((sum, kilobytes) => sum + kilobytes, 1);
}

/** Where a system forbids user namespaces, Chromium's sandbox needs its helper to run as root (chrome-sandbox(1)). */
function useSandboxHelper(helper: string): void {
  const text = readFileSync(helper);
  rmSync(helper); // it is a link to the file in the unpacked folder, whose mode stays
  writeFileSync(helper, text);
  chmodSync(helper, 0o4755);
}

function placeIcon(staging: string, size: number): void {
  const folder = path.join(staging, `usr/share/icons/hicolor/${size}x${size}/apps`);
  mkdirSync(folder, { recursive: true });
  copyFileSync(path.join(root, `resources/icons/${size}x${size}.png`), path.join(folder, 'snug.png'));
}
