// The .deb, of a small folder in the place of the unpacked application: fields, owners and modes, where files lie, what the desktop
// is told, and what a removal leaves. test/desktop/package.test.ts has the application itself.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDeb } from '../../scripts/debian-package.ts';
import { root } from '../support/paths.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'snug-deb-'));
const unpacked = path.join(folder, 'linux-unpacked');
const extracted = path.join(folder, 'extracted');
const control = path.join(folder, 'control');
const iconSizes = [16, 32, 48, 64, 128, 256, 512];
const program = [
  'LICENSE.electron.txt',
  'chrome-sandbox',
  'resources/app.asar',
  'resources/notes.txt',
  'snug',
  'snug-cli',
];
let deb = '';

function dpkgDeb(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('dpkg-deb', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`dpkg-deb ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** The rows of `dpkg-deb --contents`, by path. */
function contents(): Map<string, { mode: string; owner: string; bytes: number; target: string | undefined }> {
  const rows = dpkgDeb('--contents', deb).trimEnd().split('\n');
  return new Map(
    rows.map((row) => {
      const [mode = '', owner = '', bytes, , , file = '', , target] = row.split(/ +/);
      return [file.replace(/^\.\//, ''), { mode, owner, bytes: Number(bytes), target }];
    }),
  );
}

/** A folder as somebody with a careless umask packs it. */
function makeUnpacked(): void {
  mkdirSync(path.join(unpacked, 'resources'), { recursive: true });
  for (const file of program) writeFileSync(path.join(unpacked, file), file.repeat(700));
  for (const file of ['chrome-sandbox', 'snug', 'snug-cli']) chmodSync(path.join(unpacked, file), 0o775);
  chmodSync(path.join(unpacked, 'resources'), 0o777);
  chmodSync(path.join(unpacked, 'resources/app.asar'), 0o664);
  chmodSync(path.join(unpacked, 'resources/notes.txt'), 0o600);
}

describe.skipIf(spawnSync('dpkg-deb', ['--version']).status !== 0)('the .deb', () => {
  beforeAll(() => {
    makeUnpacked();
    deb = makeDeb(unpacked, folder, 'none')!;
    dpkgDeb('--extract', deb, extracted);
    dpkgDeb('--control', deb, control);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('says what it is, how large, and what it needs', () => {
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
    const architecture = spawnSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).stdout.trim();
    expect(path.basename(deb)).toBe(`snug_${version}_${architecture}.deb`);
    const field = (name: string): string => dpkgDeb('--field', deb, name).trim();
    expect(field('Package')).toBe('snug');
    expect(field('Version')).toBe(version);
    expect(field('Architecture')).toBe(architecture);
    expect(field('Section')).toBe('utils');
    expect(field('Maintainer')).toMatch(/^[^<]+ <\S+@\S+>$/);
    expect(field('Description')).toMatch(/^Make a large language model fit[^\n]*$/);
    const needed = field('Depends').split(', ');
    expect(needed).toEqual(expect.arrayContaining(['libgtk-3-0 | libgtk-3-0t64', 'libnss3', 'libx11-xcb1']));
    for (const entry of needed) expect(entry).toMatch(/^[a-z0-9][a-z0-9.+-]+( \| [a-z0-9][a-z0-9.+-]+)?$/);
    expect(field('Recommends')).toBe('libvulkan1');
    const kilobytes = [...contents().values()].map(({ mode, bytes }) =>
      mode.startsWith('-') ? Math.ceil(bytes / 1024) : 1,
    );
    expect(Number(field('Installed-Size'))).toBe(kilobytes.reduce((sum, size) => sum + size));
  });

  it('has its files where docs/window.md says, and none elsewhere', () => {
    const files = [...contents()].filter(([, { mode }]) => !mode.startsWith('d')).map(([file]) => file);
    const icons = iconSizes.map((size) => `usr/share/icons/hicolor/${size}x${size}/apps/snug.png`);
    const system = ['applications/snug.desktop', 'doc/snug/copyright', 'mime/packages/snug.xml'];
    expect(files.toSorted()).toEqual(
      [
        ...program.map((file) => `opt/Snug/${file}`),
        'usr/bin/snug',
        ...system.map((file) => `usr/share/${file}`),
        ...icons,
      ].toSorted(),
    );
    expect(contents().get('usr/bin/snug')?.target).toBe('/opt/Snug/snug-cli');
    expect(readdirSync(control).toSorted()).toEqual(['control', 'prerm']);
  });

  it('belongs to root, is readable for all and writable for root alone', () => {
    const rows = [...contents()];
    expect(rows.filter(([, { owner }]) => owner !== 'root/root')).toEqual([]);
    const wrong = rows.filter(([, { mode }]) => !/^(l|[d-]rw[xs-]r-[x-]r-[x-]$)/.test(mode));
    expect(wrong).toEqual([]);
    const mode = (file: string): string => contents().get(`opt/Snug/${file}`)!.mode;
    expect(mode('snug')).toBe('-rwxr-xr-x');
    expect(mode('resources/app.asar')).toBe('-rw-r--r--');
    expect(mode('resources/notes.txt')).toBe('-rw-r--r--');
    const setuid = rows.filter(([, { mode: bits }]) => bits.includes('s')).map(([file]) => file);
    expect(setuid).toEqual(['opt/Snug/chrome-sandbox']);
    expect(mode('chrome-sandbox')).toBe('-rwsr-xr-x');
    // The folder that was packed has no such file: it belongs to whoever packs.
    expect(statSync(path.join(unpacked, 'chrome-sandbox')).mode & 0o7777).toBe(0o755);
    expect(readFileSync(path.join(extracted, 'opt/Snug/chrome-sandbox'), 'utf8')).toContain('chrome-sandbox');
  });

  it('tells the desktop a program, an icon, a file type and a link', () => {
    const entry = readFileSync(path.join(extracted, 'usr/share/applications/snug.desktop'), 'utf8');
    const [heading, ...lines] = entry.trimEnd().split('\n');
    expect(heading).toBe('[Desktop Entry]');
    const keys = Object.fromEntries(lines.map((line) => line.split(/=(.*)/).slice(0, 2) as [string, string]));
    expect(keys).toMatchObject({ Type: 'Application', Name: 'Snug', Icon: 'snug', Terminal: 'false' });
    expect(keys['Exec']).toBe('/opt/Snug/snug %U');
    expect(keys['Categories']).toMatch(/^(\w+;)+$/);
    expect(keys['MimeType']).toBe('application/x-gguf;x-scheme-handler/snug;');
    const mime = readFileSync(path.join(extracted, 'usr/share/mime/packages/snug.xml'), 'utf8');
    expect(mime).toContain('<mime-type type="application/x-gguf">');
    expect(mime).toContain('<glob pattern="*.gguf"/>');
    for (const size of iconSizes) {
      const png = readFileSync(path.join(extracted, `usr/share/icons/hicolor/${size}x${size}/apps/snug.png`));
      expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([size, size]);
    }
  });

  it("takes onnxruntime's CUDA files with it when it is removed, and keeps them in an update", () => {
    const home = path.join(folder, 'opt-Snug');
    const libraries = path.join(
      home,
      'resources/app.asar.unpacked/node_modules/onnxruntime-node/bin/napi-v6/linux/x64',
    );
    mkdirSync(libraries, { recursive: true });
    const added = ['cuda.so', 'shared.so', 'version.txt'].map((name) => `libonnxruntime_providers_${name}`);
    const files = ['libonnxruntime.so.1', ...added];
    for (const file of files) writeFileSync(path.join(libraries, file), '');
    const script = readFileSync(path.join(control, 'prerm'), 'utf8').replaceAll('/opt/Snug', home);
    const left = (...args: string[]): string[] => {
      const { status, stderr } = spawnSync('/bin/sh', ['-c', script, 'prerm', ...args], { encoding: 'utf8' });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      return readdirSync(libraries).toSorted();
    };
    expect(left('upgrade', '9.9.9')).toEqual(files);
    expect(left('remove')).toEqual(['libonnxruntime.so.1']);
    expect(left('remove')).toEqual(['libonnxruntime.so.1']);
  });
});
