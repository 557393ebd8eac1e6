// The package: made, looked into, started, and a whole job run inside it. What is tested differs from what is shipped in the
// inspect fuse only, without which Playwright cannot reach it.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  mkdtempSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FuseV1Options, FuseVersion, flipFuses, getCurrentFuseWire } from '@electron/fuses';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorShape } from '../../src-main/contract/errors.ts';
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

const packages = path.join(shipped, 'resources/app.asar.unpacked/node_modules');
const carriesNode = (): boolean => existsSync(path.join(shipped, 'resources/node'));

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

  it('has no file that nothing in it loads', () => {
    const unused = [
      /^(version|\.recipe|resources\/default_app\.asar)$/, // of an Electron without an application
      /llama-addon\.node|llama-common|\/node-llama-cpp\//, // node-llama-cpp's own
      /-(cuda|vulkan)\/bins\/.*(llama|ggml-cpu|ggml\.)/, // loaded from the plain package
      /linuxmusl.*\.node$|node-addon-api|sample\/(?!.*\.gguf$)/,
    ];
    expect(files().filter((file) => unused.some((pattern) => pattern.test(file)))).toEqual([]);
    expect(readdirSync(path.join(shipped, 'locales')).toSorted()).toEqual(['de.pak', 'en-US.pak']);
    // 674 MB on Linux x64 (docs/window.md): what makes it much larger came unasked.
    const bytes = files().reduce((sum, file) => sum + statSync(path.join(shipped, file)).size, 0);
    expect(bytes).toBeLessThan(700e6);
  });

  it('names the licence of everything inside, and carries the texts', () => {
    const text = readFileSync(path.join(shipped, 'resources/licences.txt'), 'utf8');
    const carried = readdirSync(packages).flatMap((name) =>
      name.startsWith('@') ? readdirSync(path.join(packages, name)).map((inner) => `${name}/${inner}`) : [name],
    );
    expect(carried).toEqual(expect.arrayContaining(['better-sqlite3', 'onnxruntime-node']));
    const bundled = ['@huggingface/tokenizers', '@tanstack/vue-virtual', 'd3-scale', 'ml-matrix', 'vue', 'zod'];
    for (const name of [...carried, ...bundled]) expect(text).toMatch(new RegExp(`^${name} \\d`, 'm'));
    const others = ['Snug', 'llama.cpp', ...(carriesNode() ? ['Node.js'] : [])];
    for (const name of others) expect(text).toMatch(new RegExp(`^${name}\\b`, 'm'));
    expect(text.match(/Permission is hereby granted|Apache License|Redistribution and use/g)!.length).toBeGreaterThan(
      20,
    );
    expect(existsSync(path.join(shipped, 'LICENSES.chromium.html'))).toBe(true);
  });

  it('has its fuses set', async () => {
    const wire = await getCurrentFuseWire(path.join(shipped, 'snug'));
    const isOn = (fuse: FuseV1Options): boolean => Number(wire[fuse]) === fuseOn;
    // Where the package carries a Node, nothing needs Electron's.
    expect(isOn(FuseV1Options.RunAsNode)).toBe(!carriesNode());
    expect(isOn(FuseV1Options.EnableNodeOptionsEnvironmentVariable)).toBe(false);
    expect(isOn(FuseV1Options.EnableNodeCliInspectArguments)).toBe(false);
    expect(isOn(FuseV1Options.OnlyLoadAppFromAsar)).toBe(true);
    expect(isOn(FuseV1Options.EnableCookieEncryption)).toBe(true);
    expect(isOn(FuseV1Options.EnableEmbeddedAsarIntegrityValidation)).toBe(true);
  });

  it(
    "starts in the system's language, and fits the sample with its own engine",
    async () => {
      const program = path.join(shipped, 'snug');
      copyFileSync(program, `${program}.tested`);
      await flipFuses(`${program}.tested`, {
        version: FuseVersion.V1,
        [FuseV1Options.EnableNodeCliInspectArguments]: true,
      });
      renameSync(`${program}.tested`, program);
      const german = { LANGUAGE: 'de_AT:de', LC_ALL: 'de_AT.UTF-8' };
      const running = await launch(german, { program, withoutNode: true });
      try {
        await running.page.locator('html[lang=de]').waitFor();
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

  const onCommandLine = (args: string[], environment: Record<string, string> = {}): string => {
    const env = { ...process.env, SNUG_HOME: folder, ...environment };
    return spawnSync(path.join(shipped, 'snug-cli'), args, { encoding: 'utf8', cwd: folder, env }).stdout;
  };

  it('answers on the command line with its own Node', () => {
    expect(JSON.parse(onCommandLine(['texts', '--json']))).toHaveProperty('texts');
  });

  // The package lies in a folder with no node_modules above it: what is found is what it carries, as files. Nobody listens on the
  // port of the proxy, so the installer gets as far as it does without a network.
  it.skipIf(process.arch !== 'x64')("carries all that onnxruntime's installer of CUDA files requires", () => {
    const output = onCommandLine(['devices', '--install-cuda', '--json'], {
      GLOBAL_AGENT_HTTPS_PROXY: 'http://127.0.0.1:9',
    });
    const { error } = JSON.parse(output) as { error: ErrorShape };
    expect(error.details['reason']).toContain('ECONNREFUSED');
  });

  // Chromium's SwiftShader plays the GPU; node-llama-cpp has Vulkan for Linux on x64 alone.
  it.skipIf(process.arch !== 'x64')('loads the back end of a GPU beside the libraries of the plain package', () => {
    const output = onCommandLine(['devices', '--json'], {
      LD_LIBRARY_PATH: shipped,
      VK_DRIVER_FILES: path.join(shipped, 'vk_swiftshader_icd.json'),
      VK_ICD_FILENAMES: path.join(shipped, 'vk_swiftshader_icd.json'),
      GGML_VK_VISIBLE_DEVICES: '0',
    });
    const { devices } = JSON.parse(output) as { devices: unknown[] };
    expect(devices).toContainEqual(expect.objectContaining({ name: 'Vulkan0', kind: 'gpu' }));
  });
});
