// Runners are found by their documented places, on every system, and by their own settings and variables.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FoundRunner, RunnerName } from '../../../src-main/contract/runners.ts';
import { emptyPlaces, program, startMachine } from '../../support/runners.ts';

type Files = Record<string, string>;

/** What is found of a runner where these files and folders (`NAME/`) lie in the home; `{home}` stands for it. */
async function found(
  runner: RunnerName,
  files: Files,
  { platform = 'linux', environment = {} }: { platform?: NodeJS.Platform; environment?: Files } = {},
): Promise<FoundRunner & { home: string }> {
  const places = emptyPlaces(platform);
  const { home } = places;
  const filled = (text: string): string => text.replaceAll('{home}', home);
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(home, name);
    mkdirSync(name.endsWith('/') ? file : path.dirname(file), { recursive: true });
    if (!name.endsWith('/')) writeFileSync(file, filled(text), { mode: 0o755 });
  }
  for (const [name, value] of Object.entries(environment)) places.environment[name] = filled(value);
  const machine = await startMachine(places);
  return { ...(await machine.list()).find((one) => one.runner === runner)!, home };
}

/** The folder of models, below the home. */
async function folder(...asked: Parameters<typeof found>): Promise<string | null> {
  const one = await found(...asked);
  expect(one.found).toBe(one.folder !== null);
  return one.folder && path.relative(one.home, one.folder);
}

describe('an empty machine', () => {
  it('has no runner, and says where each was looked for', async () => {
    const list = await (await startMachine()).list();
    expect(list.map(({ runner }) => runner)).toEqual([
      ...['ollama', 'lm-studio', 'jan', 'koboldcpp', 'text-generation-webui', 'llama-server'],
    ]);
    for (const one of list) {
      expect(one).toMatchObject({ found: false, program: null, folder: null, version: null });
      expect(one.looked.length).toBeGreaterThan(0);
    }
  });
});

describe('LM Studio', () => {
  it('by its home, the older one first, and by the pointer before both', async () => {
    expect(await folder('lm-studio', { '.lmstudio/': '' })).toBe('.lmstudio/models');
    expect(await folder('lm-studio', { '.lmstudio/': '', '.cache/lm-studio/': '' })).toBe('.cache/lm-studio/models');
    const moved = { '.lmstudio/': '', 'elsewhere/': '', '.lmstudio-home-pointer': '{home}/elsewhere\n' };
    expect(await folder('lm-studio', moved)).toBe('elsewhere/models');
  });

  it('with the models folder of its settings, where they can be read', async () => {
    const settings = '.lmstudio/settings.json';
    expect(await folder('lm-studio', { [settings]: '{"downloadsFolder":"{home}/big"}' })).toBe('big');
    expect(await folder('lm-studio', { [settings]: '{"downloadsFol' })).toBe('.lmstudio/models');
  });
});

describe('Jan', () => {
  const models = (data: string): string => `${data}/llamacpp/models`;

  it.each([
    ['linux', '.local/share/Jan/data'],
    ['linux', '.config/Jan/data'],
    ['darwin', 'Library/Application Support/Jan/data'],
    ['win32', 'AppData/Roaming/Jan/data'],
  ] as const)('on %s in %s', async (platform, data) => {
    expect(await folder('jan', { [`${data}/`]: '' }, { platform })).toBe(models(data));
  });

  it('by its settings, its variables, and the system variables of the data folder', async () => {
    const settings = { '.local/share/Jan/settings.json': '{"data_folder":"{home}/jan"}', 'jan/': '' };
    expect(await folder('jan', settings)).toBe(models('jan'));
    const both = { ...settings, 'own/': '' };
    expect(await folder('jan', both, { environment: { JAN_DATA_FOLDER: '{home}/own' } })).toBe(models('own'));
    const root = { 'root/Jan/data/': '' };
    expect(await folder('jan', root, { environment: { JAN_DATA_ROOT: '{home}/root' } })).toBe(models('root/Jan/data'));
    expect(await folder('jan', root, { environment: { XDG_DATA_HOME: '{home}/root' } })).toBe(models('root/Jan/data'));
    expect(await folder('jan', root, { platform: 'win32', environment: { APPDATA: '{home}/root' } })).toBe(
      models('root/Jan/data'),
    );
  });
});

describe('text-generation-webui', () => {
  it('where it was unpacked, now and before it had user data', async () => {
    const current = { 'textgen-portable-4.7/user_data/models/': '' };
    expect(await folder('text-generation-webui', current)).toBe('textgen-portable-4.7/user_data/models');
    const older = {
      'Downloads/text-generation-webui-main/server.py': '',
      'Downloads/text-generation-webui-main/models/': '',
    };
    expect(await folder('text-generation-webui', older)).toBe('Downloads/text-generation-webui-main/models');
    expect(await folder('text-generation-webui', { 'textgen-notes/models/': '' })).toBeNull();
  });
});

describe('KoboldCpp', () => {
  it('in a folder of its own, which gets models', async () => {
    const one = await found('koboldcpp', { 'koboldcpp-1.99/koboldcpp-linux-x64': '#!/bin/sh\necho 1.99.4' });
    expect(one).toMatchObject({ found: true, version: '1.99.4', folder: path.join(one.home, 'koboldcpp-1.99/models') });
  });

  it('among downloads, and on Windows by its .exe', async () => {
    const download = await found('koboldcpp', { 'Downloads/koboldcpp.exe': '' }, { platform: 'win32' });
    expect(download).toMatchObject({ found: true, folder: null });
    expect(download.program).toBe(path.join(download.home, 'Downloads/koboldcpp.exe'));
  });
});

describe('Ollama', () => {
  it('by its store alone, in OLLAMA_MODELS, the home, or of the Linux service', async () => {
    expect(await folder('ollama', { '.ollama/models/': '' })).toBe('.ollama/models');
    expect(await folder('ollama', { 'm/': '' }, { environment: { OLLAMA_MODELS: '{home}/m' } })).toBe('m');
    const places = emptyPlaces();
    mkdirSync(path.join(places.root, 'usr/share/ollama/.ollama/models'), { recursive: true });
    const [ollama] = await (await startMachine(places)).list();
    expect(ollama).toMatchObject({ found: true, folder: path.join(places.root, 'usr/share/ollama/.ollama/models') });
  });

  it('by its program, with its version, also where no server answers', async () => {
    const places = emptyPlaces();
    const file = program(places, 'ollama', 'echo "Warning: client version is 0.12.3"');
    const [ollama] = await (await startMachine(places)).list();
    expect(ollama).toMatchObject({ found: true, program: file, version: '0.12.3' });
  });

  it('where its installers put it', async () => {
    const installed = await found('ollama', { 'AppData/Local/Programs/Ollama/ollama.exe': '' }, { platform: 'win32' });
    expect(installed.program).toBe(path.join(installed.home, 'AppData/Local/Programs/Ollama/ollama.exe'));
  });
});

describe('llama-server', () => {
  it('on PATH, with its version from what it writes to stderr', async () => {
    const places = emptyPlaces();
    const file = program(places, 'llama-server', 'echo "version: 6745 (a31cf36ad)" >&2');
    const server = (await (await startMachine(places)).list()).at(-1);
    expect(server).toMatchObject({ found: true, program: file, version: '6745', folder: null });
  });
});
