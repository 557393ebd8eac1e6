// The package: made, looked into, started, and a whole job run inside it. What is tested differs from what is shipped in the
// inspect fuse only, without which Playwright cannot reach it.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, openSync, readFileSync, readSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FuseV1Options, FuseVersion, flipFuses, getCurrentFuseWire } from '@electron/fuses';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../support/paths.ts';
import { fitWaitMs, launch } from './app.ts';
import { startSampleFit, stateOf } from './engine-port.ts';

const minutes = 60_000;
/** The character that stands for an enabled fuse in the wire (@electron/fuses, FuseState). */
const fuseOn = '1'.charCodeAt(0);
const folder = mkdtempSync(path.join(tmpdir(), 'snug-package-'));
const shipped = path.join(folder, 'linux-unpacked');

beforeAll(() => {
  const script = path.join(root, 'scripts/package.ts');
  const args = [script, '--linux', 'dir', `-c.directories.output=${folder}`];
  const made = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`Packaging failed:\n${made.stdout}\n${made.stderr}`);
}, 10 * minutes);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Every file of the package, relative. */
const files = (): string[] =>
  readdirSync(shipped, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(shipped, path.join(entry.parentPath, entry.name)));

/** What a file's first bytes say that it is, where that is code for a machine. */
function machineOf(file: string): string | null {
  const head = Buffer.alloc(20);
  const bytes = readSync(openSync(file, 'r'), head);
  if (bytes < 20) return null;
  const magic = head.readUInt32BE(0);
  if (magic === 0x7f454c46) return `ELF ${head.readUInt16LE(18)}`; // e_machine: 62 is x86-64, 183 is AArch64
  if ([0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe, 0xcafebabe].includes(magic)) return 'Mach-O';
  return head.toString('latin1', 0, 2) === 'MZ' ? 'PE' : null;
}

describe('the package', () => {
  it('has code for this system and processor only', () => {
    const own = process.arch === 'x64' ? 'ELF 62' : 'ELF 183';
    const foreign = files().filter((file) => ![null, own].includes(machineOf(path.join(shipped, file))));
    expect(foreign).toEqual([]);
  });

  it('names the licence of everything inside, and carries the texts', () => {
    const text = readFileSync(path.join(shipped, 'resources/licences.txt'), 'utf8');
    for (const name of ['Snug', 'vue 3', 'zod 4', 'onnxruntime-node 1', 'node-llama-cpp 3', 'better-sqlite3 13'])
      expect(text).toContain(name);
    expect(text.match(/Permission is hereby granted|Apache License|Redistribution and use/g)!.length).toBeGreaterThan(
      20,
    );
    expect(existsSync(path.join(shipped, 'LICENSES.chromium.html'))).toBe(true);
  });

  it('has its fuses set', async () => {
    const wire = await getCurrentFuseWire(path.join(shipped, 'snug'));
    const isOn = (fuse: FuseV1Options): boolean => Number(wire[fuse]) === fuseOn;
    // Where the package carries a Node, nothing needs Electron's.
    expect(isOn(FuseV1Options.RunAsNode)).toBe(!existsSync(path.join(shipped, 'resources/node')));
    expect(isOn(FuseV1Options.EnableNodeOptionsEnvironmentVariable)).toBe(false);
    expect(isOn(FuseV1Options.EnableNodeCliInspectArguments)).toBe(false);
    expect(isOn(FuseV1Options.OnlyLoadAppFromAsar)).toBe(true);
    expect(isOn(FuseV1Options.EnableCookieEncryption)).toBe(true);
    expect(isOn(FuseV1Options.EnableEmbeddedAsarIntegrityValidation)).toBe(true);
  });

  it(
    'starts, and fits the sample with its own engine',
    async () => {
      const program = path.join(shipped, 'snug');
      copyFileSync(program, `${program}.tested`);
      await flipFuses(`${program}.tested`, {
        version: FuseVersion.V1,
        [FuseV1Options.EnableNodeCliInspectArguments]: true,
      });
      renameSync(`${program}.tested`, program);
      const running = await launch({}, { program, withoutNode: true });
      try {
        const output = path.join(running.folder, 'made.gguf');
        const id = await startSampleFit(running.page, output);
        const deadline = performance.now() + fitWaitMs;
        let state = '';
        while (!['done', 'failed'].includes(state) && performance.now() < deadline) {
          await sleep(500);
          state = await stateOf(running.page, id);
        }
        expect(state).toBe('done');
        expect(existsSync(output)).toBe(true);
        expect(running.complaints).toEqual([]);
      } finally {
        await running.close();
      }
    },
    fitWaitMs + 2 * minutes,
  );

  it('answers on the command line with its own Node', () => {
    const cli = spawnSync(path.join(shipped, 'snug-cli'), ['texts', '--json'], { encoding: 'utf8', cwd: folder });
    expect(JSON.parse(cli.stdout)).toHaveProperty('texts');
  });
});
