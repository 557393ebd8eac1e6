// What is fetched to inspect and plan a model of a hub has a bound, whatever the repository lists, and leaves room on the disk.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src-main/contract/errors.ts';
import { openOutline } from '../../../src-main/engine/hub/outline.ts';
import { hubSettings } from '../../../src-main/engine/hub/settings.ts';
import { openSnapshot, type Hub } from '../../../src-main/engine/hub/snapshot.ts';
import { temporaryFolder } from '../../support/engine.ts';
import { startHubServer, type HubServer } from '../../support/hub-server.ts';
import { sampleFolder } from '../../support/paths.ts';

const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'];
const files = Object.fromEntries(names.map((name) => [name, readFileSync(path.join(sampleFolder, name))]));
const MB = 10 ** 6;
const reserve = 64 * 2 ** 20;
const smallBytes = names.slice(0, 3).reduce((sum, name) => sum + files[name]!.length, 0);

/** A repository that lists these files with sizes of its choice. */
const serve = (sizes: Record<string, number> = {}): Promise<HubServer> => {
  const claimed = Object.fromEntries(Object.keys(sizes).map((name) => [name, Buffer.from('{"weight_map":{}}')]));
  return startHubServer({ files: { ...files, ...claimed }, sizes });
};

interface Outlining {
  home?: string;
  free?: () => number;
  warnings?: string[];
}

async function outline(server: HubServer, { home = temporaryFolder(), free, warnings = [] }: Outlining = {}) {
  const hub: Hub = {
    settings: hubSettings({ HF_ENDPOINT: server.endpoint }),
    folder: path.join(home, 'models/hub'),
    signal: new AbortController().signal,
    warn: (warning) => void warnings.push(warning),
    ...(free ? { free: async () => free() } : {}),
  };
  const scratch = path.join(home, 'scratch');
  const opened = await openOutline(hub, await openSnapshot(hub, 'hub:owner/name'), scratch);
  return { ...opened, scratch };
}

const refused = async (opening: Promise<unknown>): Promise<AppError> =>
  opening.then(
    () => expect.fail('it was opened'),
    (error: unknown) => AppError.from(error),
  );

describe('a small file that is listed as a large one', () => {
  it('is left out with a warning where it is a card', async () => {
    const server = await serve({ 'README.md': 3000 * MB });
    const warnings: string[] = [];
    const { used } = await outline(server, { warnings });
    expect(warnings).toEqual([expect.stringContaining('README.md of hub:owner/name has 3.00 GB')]);
    expect(used.files.map(({ name }) => name)).not.toContain('README.md');
    expect(server.requests.filter(({ file }) => file === 'README.md')).toEqual([]);
  });

  it.each(['config.json', 'tokenizer.json', 'chat_template.jinja', 'model.safetensors.index.json'])(
    'is refused before it comes where the model is read with it: %s',
    async (name) => {
      const server = await serve({ [name]: 100 * MB + 1 });
      const error = await refused(outline(server));
      expect(error).toMatchObject({ code: 'FILE_MALFORMED', details: { where: name, actual: '100000001 bytes' } });
      expect(server.sentBytes()).toBe(0);
    },
  );

  const templates = (count: number, bytes: number): Record<string, number> =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`additional_chat_templates/${i}.jinja`, bytes]));

  it.each([
    ['all together', templates(3, 90 * MB), 'at most 250000000 bytes together'],
    ['by their number', templates(198, 1), 'at most 200'],
  ])('is refused %s', async (_, sizes, expected) => {
    const server = await serve(sizes);
    const error = await refused(outline(server));
    expect(error).toMatchObject({ code: 'FILE_MALFORMED', details: { expected } });
    expect(server.sentBytes()).toBe(0);
  });
});

describe('room on the disk', () => {
  it('is looked at before small files come, for them and their copies', async () => {
    const server = await serve();
    const needed = 2 * smallBytes + reserve;
    const error = await refused(outline(server, { free: () => needed - 1 }));
    expect(error).toMatchObject({ code: 'DISK_FULL', details: { needed, free: needed - 1 } });
    expect(server.sentBytes()).toBe(0);
  });

  it('is looked at before an index comes', async () => {
    const server = await serve({ 'model.safetensors.index.json': 90 * MB });
    const error = await refused(outline(server, { free: () => 100 * MB }));
    expect(error).toMatchObject({ code: 'DISK_FULL', details: { needed: 90 * MB + reserve } });
    expect(server.sentBytes()).toBe(0);
  });

  it('is looked at before headers are written', async () => {
    const server = await serve();
    const home = temporaryFolder();
    // Full as soon as the small files are here.
    const isHere = (): boolean =>
      readdirSync(home, { recursive: true }).some((name) => String(name).endsWith('/tokenizer.json'));
    const error = await refused(outline(server, { home, free: () => (isHere() ? reserve : 10 ** 12) }));
    expect(error).toMatchObject({ code: 'DISK_FULL', details: { free: reserve } });
    expect(
      readdirSync(home, { recursive: true })
        .map(String)
        .filter((name) => name.endsWith('.safetensors')),
    ).toEqual([]);
  });
});
