// The bootstrap on a small checkout of its own: this project's packages, empty addons, and a command line of three lines.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { root } from '../support/paths.ts';

const echo = `
process.on('SIGTERM', () => process.exit(130));
if (process.argv.includes('--wait')) { console.log('ready'); setInterval(() => {}, 1000); }
else console.log(JSON.stringify({ major: process.versions.node.split('.')[0], isMain: import.meta.main, folder: process.cwd(), args: process.argv.slice(2) }));
process.exitCode = Number(process.argv.at(-1)) || 0;
`;

let checkout = '';

beforeEach(() => {
  mkdirSync(path.join(root, 'test/output'), { recursive: true });
  checkout = realpathSync(mkdtempSync(path.join(root, 'test/output/checkout-')));
  for (const folder of ['scripts', 'native/build/Release', 'src-main/cli', 'below']) {
    mkdirSync(path.join(checkout, folder), { recursive: true });
  }
  for (const file of ['package.json', 'package-lock.json', 'scripts/bootstrap.mjs', 'scripts/snug.mjs']) {
    copyFileSync(path.join(root, file), path.join(checkout, file));
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(checkout, 'node_modules'));
  writeFileSync(path.join(checkout, 'native/addon.cc'), '');
  for (const addon of ['snug_math.node', 'snug_llama.node']) {
    writeFileSync(path.join(checkout, 'native/build/Release', addon), '');
  }
  writeFileSync(path.join(checkout, 'src-main/cli/main.ts'), echo);
});

afterEach(() => rmSync(checkout, { recursive: true }));

/** The same Node under another name: the bootstrap takes it for the one that the machine came with. */
function foreignNode(): string {
  const link = path.join(checkout, 'other-node');
  linkSync(realpathSync(process.execPath), link);
  return link;
}

function snug(args: string[], options: { program?: string; folder?: string; env?: Record<string, string> } = {}) {
  const { INIT_CWD: _, ...inherited } = process.env;
  return spawnSync(options.program ?? process.execPath, [path.join(checkout, 'scripts/snug.mjs'), ...args], {
    cwd: options.folder ?? checkout,
    env: { ...inherited, ...options.env },
    encoding: 'utf8',
  });
}

const major = process.versions.node.split('.')[0];

describe('a checkout that is ready', () => {
  it('runs the command line as the main module and says nothing of its own', () => {
    const { status, stdout, stderr } = snug(['inspect', 'X', '--json']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ major, isMain: true, folder: checkout, args: ['inspect', 'X', '--json'] });
  });

  it("runs in the user's folder when npm has moved to the package's", () => {
    const below = path.join(checkout, 'below');
    expect(JSON.parse(snug([], { env: { INIT_CWD: below } }).stdout)).toMatchObject({ folder: below });
  });

  it('keeps the folder it was started in when npm has not moved', () => {
    const below = path.join(checkout, 'below');
    expect(JSON.parse(snug([], { folder: below, env: { INIT_CWD: root } }).stdout)).toMatchObject({ folder: below });
  });

  it.each([
    ['the same Node', false],
    ['another Node', true],
  ])('passes the exit code on from %s', (_, isForeign) => {
    expect(snug(['3'], isForeign ? { program: foreignNode() } : {}).status).toBe(3);
  });

  it.skipIf(process.platform === 'win32')('passes a signal on from another Node', async () => {
    const child = spawn(foreignNode(), [path.join(checkout, 'scripts/snug.mjs'), '--wait'], {
      cwd: checkout,
      stdio: 'pipe',
    });
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([130, null]);
  });
});

describe.skipIf(process.platform !== 'linux')('a checkout whose addons are outdated', () => {
  beforeEach(() => {
    const later = Date.now() / 1000 + 60;
    utimesSync(path.join(checkout, 'native/addon.cc'), later, later);
  });

  it.each([
    ['a C++ compiler (g++)', { CXX: '/nowhere/g++' }],
    ['make', { MAKE: '/nowhere/make' }],
  ])('says what to install where %s is missing', (name, env) => {
    const { status, stdout, stderr } = snug(['texts'], { env });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain(`needs ${name}`);
    expect(stderr).toContain('sudo apt-get install python3 make g++');
  });

  it('answers --json with an error object', () => {
    const { status, stdout } = snug(['texts', '--json'], { env: { CXX: '/nowhere/g++' } });
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'NATIVE_UNAVAILABLE', details: {} } });
  });
});
