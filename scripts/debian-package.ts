// A .deb of the unpacked application, by dpkg-deb alone: the program in /opt/Snug, the command line as `snug`, a menu entry that
// takes .gguf files and snug: links. electron-builder's own target downloads fpm, which Debian does not have.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fail, root } from './electron.ts';

/** What the window needs of the system: the libraries of Electron's own list for Debian (installer-linux's defaults). */
const depends = [
  'libgtk-3-0 | libgtk-3-0t64',
  'libnotify4',
  'libnss3',
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

/** Tells the desktop of the new file type and link; a system without one does not mind. */
const refreshDesktop = `#!/bin/sh
set -e
for update in "update-mime-database /usr/share/mime" "update-desktop-database /usr/share/applications"; do
  command -v "\${update%% *}" >/dev/null && $update || true
done
`;

/** Makes the package in `outputFolder`; answers with its path, or null where there is no dpkg-deb. */
export function makeDeb(unpacked: string, outputFolder: string): string | null {
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
    chmodSync(staging, 0o755);
    mkdirSync(path.join(staging, 'opt'));
    // Hard links: half a gigabyte is not copied.
    if (spawnSync('cp', ['-al', unpacked, path.join(staging, 'opt/Snug')], { stdio: 'inherit' }).status !== 0)
      fail(`${unpacked} could not be linked to ${staging}.`);
    useSandboxHelper(path.join(staging, 'opt/Snug/chrome-sandbox'));
    write('usr/share/applications/snug.desktop', desktopEntry);
    write('usr/share/mime/packages/snug.xml', mimeType);
    write('usr/share/doc/snug/copyright', readFileSync(path.join(root, 'LICENSE'), 'utf8'));
    for (const size of [16, 32, 48, 64, 128, 256, 512]) placeIcon(staging, size);
    mkdirSync(path.join(staging, 'usr/bin'));
    symlinkSync('/opt/Snug/snug-cli', path.join(staging, 'usr/bin/snug'));
    write(
      'DEBIAN/control',
      `Package: snug\nVersion: ${version}\nArchitecture: ${architecture}\nSection: utils\nPriority: optional\nMaintainer: The Snug contributors <contributors@snug.invalid>\nDepends: ${depends.join(', ')}\nDescription: ${description}\n`,
    );
    write('DEBIAN/postinst', refreshDesktop, 0o755);
    write('DEBIAN/postrm', refreshDesktop, 0o755);
    const deb = path.join(outputFolder, `snug_${version}_${architecture}.deb`);
    // zstd: read by Debian 12, Ubuntu 21.10 and later; a tenth of the time of xz for a tenth more bytes.
    const made = spawnSync('dpkg-deb', ['--root-owner-group', '-Zzstd', '-z9', '--build', staging, deb], {
      stdio: 'inherit',
    });
    if (made.status !== 0) fail('dpkg-deb failed.');
    return deb;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
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
