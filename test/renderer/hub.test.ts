// @vitest-environment node
// What the window makes of a hub's answers: searches, the models of a repository, published ones that would fit; and what
// was set for every run.
import { createPinia, setActivePinia } from 'pinia';
import { nextTick } from 'vue';
import { beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../src-main/contract/errors.ts';
import type { HubChoice, HubSearch, PublishedModel } from '../../src-main/contract/hub-search.ts';
import { usualSettings, type SettingsState } from '../../src-main/contract/settings.ts';
import { choiceName, choiceSize, repositoryInWords } from '../../src-renderer/features/model/hub-words.ts';
import { publishedFits } from '../../src-renderer/features/published/published-fit.ts';
import { useEngineStore } from '../../src-renderer/stores/engine-store.ts';
import { useHubStore } from '../../src-renderer/stores/hub-store.ts';
import { useMakeStore } from '../../src-renderer/stores/make-store.ts';
import { usePreferencesStore } from '../../src-renderer/stores/preferences-store.ts';
import { usePublishedStore } from '../../src-renderer/stores/published-store.ts';
import { planFor } from '../support/plans.ts';
import { fakeEngine, planList } from './fake-engine.ts';

const GiB = 2 ** 30;

beforeEach(() => setActivePinia(createPinia()));

const found = (repository: string): HubSearch['repositories'][number] => ({
  ...{ repository, formats: ['gguf'], downloads: 1_200_000, likes: 5, gated: false, parameters: 7.6e9 },
});
const choice = (file: string, bytes: number, files = 1): HubChoice => ({
  ...{ model: `hub:owner/name:${file}`, format: 'gguf', file, bytes, files },
});

describe('a search on the hub', () => {
  it('shows the answer to the last question, whichever comes last', async () => {
    const answers = new Map<string, (value: HubSearch) => void>();
    const engine = fakeEngine({
      'hub.search': ({ words }) => new Promise((resolve) => answers.set(words, resolve)),
    });
    await useEngineStore().start(engine.open);
    const hub = useHubStore();
    const [first, second] = [hub.find('old'), hub.find('new')];
    await expect.poll(() => answers.size).toBe(2);
    answers.get('new')!({ words: 'new', repositories: [found('a/new')] });
    await second;
    answers.get('old')!({ words: 'old', repositories: [found('a/old')] });
    await first;
    expect(hub.search).toMatchObject({ state: 'found', words: 'new', repositories: [{ repository: 'a/new' }] });
  });

  it('tells why it failed', async () => {
    const engine = fakeEngine({
      'hub.search': () => {
        throw new AppError('HUB_OFFLINE', 'No network.');
      },
    });
    await useEngineStore().start(engine.open);
    const hub = useHubStore();
    await hub.find('words');
    expect(hub.search).toMatchObject({ state: 'failed', words: 'words', error: { code: 'HUB_OFFLINE' } });
  });

  it('opens the only model of a repository, and shows several', async () => {
    const choices = [choice('a.gguf', 10)];
    const engine = fakeEngine({ 'hub.files': ({ repository }) => ({ repository, choices }) });
    await useEngineStore().start(engine.open);
    const hub = useHubStore();
    expect(await hub.look('owner/name')).toMatchObject({ model: 'hub:owner/name:a.gguf' });
    choices.push(choice('b.gguf', 20));
    expect(await hub.look('owner/other')).toBeNull();
    expect(hub.listing).toMatchObject({ repository: 'owner/other', state: 'listed', choices: [{}, {}] });
    expect(await hub.look('owner/other')).toBeNull();
    expect(hub.listing).toBeNull(); // looked at again, it closes
  });
});

describe('words of the hub', () => {
  it('say what a repository is', () => {
    expect(repositoryInWords(found('a/b'))).toBe('GGUF · 7.6 billion parameters · 1.2 million downloads · 5 likes');
    expect(repositoryInWords({ ...found('a/b'), formats: [], parameters: null })).toBe(
      '1.2 million downloads · 5 likes',
    );
  });

  it('name a set of shards once', () => {
    const set = choice('q/big-Q8_0-00001-of-00003.gguf', 21.3e9, 3);
    expect([choiceName(set), choiceSize(set)]).toEqual(['q/big-Q8_0.gguf', '21.3 GB in 3 files']);
    expect(choiceSize(choice('a.gguf', 4.68e9))).toBe('4.68 GB');
  });
});

describe('published quantisations', () => {
  const model = (file: string, bytes: number): PublishedModel => ({
    ...{ ...choice(file, bytes), repository: 'owner/name', downloads: 5, gated: false },
  });
  const models = [model('q2', 6 * GiB), model('q4', 9 * GiB), model('q8', 18 * GiB), model('f16', 30 * GiB)];
  const withMemory = (weightsBytes: number, totalBytes: number): (typeof planList)['plans'][number] => {
    const plan = planFor('source', { totalBytes });
    return { ...plan, memory: { ...plan.memory, weightsBytes } };
  };
  const list = (bytes: number): typeof planList => ({
    ...planList,
    target: { ...planList.target, kind: 'memory', bytes } as typeof planList.target,
    plans: [withMemory(30 * GiB, 33 * GiB)],
  });

  it('fit where their file, with what the plans take besides weights, does', () => {
    const fits = publishedFits(models, list(12 * GiB), 30 * GiB);
    expect(fits!.map(({ model: { file }, fits: itFits }) => [file, itFits])).toEqual([
      ['q8', false],
      ['q4', true], // 9 + 3
      ['q2', true],
    ]);
  });

  it('of a file target fit by their size alone', () => {
    const file = { ...planList, target: { kind: 'file', bytes: 9 * GiB } as const, plans: [] };
    expect(publishedFits(models, file, 30 * GiB)!.find(({ fits }) => fits)?.model.file).toBe('q4');
  });

  it('are not judged where every plan changes a setting of the runner', () => {
    const plan = withMemory(1, 2);
    const onCpu = { ...plan, steps: [{ method: 'cpu-layers', layers: 1, gpuLayers: 1, flag: '' } as const] };
    expect(publishedFits(models, { ...list(12 * GiB), plans: [onCpu] }, 30 * GiB)).toBeNull();
  });

  it('are asked for when the user wants, and forgotten when they stop', async () => {
    const asked: string[] = [];
    const engine = fakeEngine({
      'hub.published': ({ repository }) => {
        asked.push(repository);
        return { of: [repository], models: [] };
      },
    });
    await useEngineStore().start(engine.open);
    const published = usePublishedStore();
    expect(asked).toEqual([]);
    await published.look('Qwen/Qwen3-8B');
    expect(published.search).toMatchObject({ repository: 'Qwen/Qwen3-8B', state: 'found', models: [] });
    published.stop();
    expect(published.search).toBeNull();
  });
});

describe('settings for every run', () => {
  const state = (settings: Partial<SettingsState['settings']>): SettingsState => ({
    settings: { ...usualSettings, ...settings },
    folders: { userData: '/home', models: '/home/models/hub' },
    hubEndpoint: 'https://huggingface.co',
    overrides: { hubEndpoint: false, offline: false },
    statisticsUsedBytes: 0,
  });

  it('are in the drawer until something else is chosen there', async () => {
    let kept = state({ device: 'cpu', maxMemoryBytes: 8 * GiB });
    const engine = fakeEngine({
      'settings.get': () => kept,
      'settings.change': (change) => (kept = state({ ...kept.settings, ...change })),
    });
    await useEngineStore().start(engine.open);
    const { draft } = useMakeStore();
    const preferences = usePreferencesStore();
    expect(draft.device).toBe('auto');
    await preferences.load();
    await nextTick();
    expect(draft).toMatchObject({ device: 'cpu', maxMemory: '8 GiB' });
    draft.maxMemory = '6 GiB';
    await preferences.change({ device: 'webgpu', maxMemoryBytes: null });
    await nextTick();
    expect(draft).toMatchObject({ device: 'webgpu', maxMemory: '6 GiB' });
  });

  it('that are refused stay as they were, and say so', async () => {
    const engine = fakeEngine({
      'settings.get': () => state({}),
      'settings.change': () => {
        throw new AppError('USAGE', 'Not an address.');
      },
    });
    await useEngineStore().start(engine.open);
    const preferences = usePreferencesStore();
    await preferences.load();
    expect(await preferences.change({ hubEndpoint: 'x' })).toBe(false);
    expect(preferences.refusal).toMatchObject({ code: 'USAGE' });
    expect(await preferences.changeTyped({ hubEndpoint: 'x' })).toBe(false);
    expect(preferences.refusal).toBeNull(); // its field says it
    expect(preferences.settings.hubEndpoint).toBeNull();
  });
});
