// Searches on a hub: what is asked, what is made of the answers, and what is said where there is none.
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src-main/contract/errors.ts';
import { choicesOf, publishedFor } from '../../../src-main/engine/hub/offered.ts';
import { searchHub, type Asking } from '../../../src-main/engine/hub/search.ts';
import { hubSettings } from '../../../src-main/engine/hub/settings.ts';
import {
  startHubServer,
  type FaultOf,
  type HubServer,
  type HubServerOptions,
  type ListedModel,
} from '../../support/hub-server.ts';

const impatient = { rangeBytes: 1e6, firstDelayMs: 20, longestDelayMs: 50, longestAskedMs: 500, stallMs: 400 };

const models: ListedModel[] = [
  {
    id: 'Qwen/Qwen3-8B',
    downloads: 900,
    likes: 40,
    tags: ['safetensors'],
    safetensors: { parameters: {}, total: 8e9 },
  },
  { id: 'Qwen/Qwen3-4B', downloads: 800, gated: 'manual', tags: ['safetensors'] },
  {
    id: 'owner/name',
    downloads: 70,
    likes: 3,
    tags: ['gguf', 'base_model:Qwen/Qwen3-8B', 'base_model:quantized:Qwen/Qwen3-8B'],
  },
  { id: 'other/Qwen3-8B-GGUF', downloads: 60, tags: ['gguf', 'base_model:quantized:Qwen/Qwen3-8B'] },
  { id: 'third/Qwen3-tuned-GGUF', downloads: 50, tags: ['gguf', 'base_model:finetune:Qwen/Qwen3-8B'] },
  { id: 'qwen3-of-old-without-owner', downloads: 1, tags: ['safetensors'] },
];
const files = {
  'README.md': Buffer.from('# Quantised'),
  'Qwen3-8B-Q8_0.gguf': randomBytes(9000),
  'Qwen3-8B-Q4_K_M.gguf': randomBytes(5000),
  'F16/Qwen3-8B-F16-00001-of-00002.gguf': randomBytes(11_000),
  'F16/Qwen3-8B-F16-00002-of-00002.gguf': randomBytes(7000),
  'torn-00001-of-00003.gguf': randomBytes(30),
  'mmproj-F16.gguf': randomBytes(3000),
};

const serve = (options: Partial<HubServerOptions> = {}): Promise<HubServer> =>
  startHubServer({ files, models, ...options });

const asking = ({ endpoint }: HubServer, environment: NodeJS.ProcessEnv = {}): Asking => ({
  settings: { ...hubSettings({ HF_ENDPOINT: endpoint, ...environment }), pace: impatient },
  signal: new AbortController().signal,
});

const refused = (work: Promise<unknown>): Promise<AppError> =>
  work.then(
    () => expect.fail('it succeeded'),
    (error: unknown) => AppError.from(error),
  );

describe('a search', () => {
  it('finds both formats, the most downloaded first, and only names that can be opened', async () => {
    const found = await searchHub(asking(await serve()), 'qwen3', 20);
    expect(found).toEqual([
      {
        repository: 'Qwen/Qwen3-8B',
        formats: ['safetensors'],
        downloads: 900,
        likes: 40,
        gated: false,
        parameters: 8e9,
      },
      {
        repository: 'Qwen/Qwen3-4B',
        formats: ['safetensors'],
        downloads: 800,
        likes: 0,
        gated: true,
        parameters: null,
      },
      { repository: 'other/Qwen3-8B-GGUF', formats: ['gguf'], downloads: 60, likes: 0, gated: false, parameters: null },
      {
        repository: 'third/Qwen3-tuned-GGUF',
        formats: ['gguf'],
        downloads: 50,
        likes: 0,
        gated: false,
        parameters: null,
      },
    ]);
  });

  it('keeps room for GGUF among what is downloaded more', async () => {
    const found = await searchHub(asking(await serve()), 'qwen3', 2);
    expect(found.map(({ repository }) => repository)).toEqual(['Qwen/Qwen3-8B', 'other/Qwen3-8B-GGUF']);
  });

  it('asks for words as they are, once per format, with the token for the hub', async () => {
    const server = await serve({ token: 'hf_secret' });
    await searchHub(asking(server, { HF_TOKEN: 'hf_secret' }), 'a & b=c', 5);
    const queries = server.requests.map(({ query }) => new URLSearchParams(query));
    expect(queries.map((query) => [query.get('search'), query.get('filter'), query.get('limit')])).toEqual([
      ['a & b=c', 'gguf', '5'],
      ['a & b=c', 'safetensors', '5'],
    ]);
    expect(new Set(server.requests.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer hf_secret']));
  });

  it.each([
    {
      where: 'without the network',
      environment: { HF_HUB_OFFLINE: '1' },
      code: 'HUB_OFFLINE',
      says: /set to use no network/,
    },
    {
      where: 'where the hub wants a token',
      options: { token: 'hf_secret' },
      code: 'HUB_GATED',
      says: /may want a token/,
    },
    {
      where: 'where it does not take the token',
      ...{
        options: { token: 'x' },
        environment: { HF_TOKEN: 'y' },
        code: 'HUB_GATED',
        says: /does not accept the token/,
      },
    },
    { where: 'where too much was asked', answer: 429, code: 'HUB_UNAVAILABLE', says: /wait 90 s/ },
    { where: 'where the hub fails', answer: 503, code: 'HUB_UNAVAILABLE', says: /answered 503/ },
    { where: 'where a mirror cannot search', answer: 404, code: 'HUB_UNAVAILABLE', says: /cannot search/ },
  ])('is refused $where', async ({ options, environment, answer, code, says }) => {
    const fault: FaultOf = () => (answer === undefined ? null : { status: answer, headers: { 'retry-after': '90' } });
    const error = await refused(searchHub(asking(await serve({ fault, ...options }), environment), 'qwen3', 20));
    expect(error).toMatchObject({ code });
    expect(error.message).toMatch(says);
  });

  it.each(['<html>', '{"models":[]}', '[{"id":7}]'])('is refused where the answer is %s', async (body) => {
    const error = await refused(searchHub(asking(await serve({ searchAnswer: body })), 'qwen3', 20));
    expect(error).toMatchObject({ code: 'HUB_UNAVAILABLE', message: expect.stringMatching(/not what a hub answers/) });
  });
});

describe('the models of a repository', () => {
  it('are its GGUF files with all their shards, smallest first', async () => {
    expect(await choicesOf(asking(await serve()), 'owner/name')).toEqual([
      {
        model: 'hub:owner/name:Qwen3-8B-Q4_K_M.gguf',
        format: 'gguf',
        file: 'Qwen3-8B-Q4_K_M.gguf',
        bytes: 5000,
        files: 1,
      },
      { model: 'hub:owner/name:Qwen3-8B-Q8_0.gguf', format: 'gguf', file: 'Qwen3-8B-Q8_0.gguf', bytes: 9000, files: 1 },
      {
        model: 'hub:owner/name:F16/Qwen3-8B-F16-00001-of-00002.gguf',
        ...{ format: 'gguf', file: 'F16/Qwen3-8B-F16-00001-of-00002.gguf', bytes: 18_000, files: 2 },
      },
    ]);
  });

  it('are its safetensors, shards and not the same weights in another form', async () => {
    const own = {
      'config.json': Buffer.from('{}'),
      'model-00001-of-00002.safetensors': randomBytes(60),
      'model-00002-of-00002.safetensors': randomBytes(40),
      'consolidated.safetensors': randomBytes(100),
      'only.gguf': randomBytes(30),
    };
    expect(await choicesOf(asking(await serve({ files: own })), 'owner/name')).toMatchObject([
      { model: 'hub:owner/name:only.gguf', format: 'gguf' },
      { model: 'hub:owner/name', format: 'safetensors', bytes: 100, files: 2 },
    ]);
  });

  it('are none where there are pickled weights alone', async () => {
    const own = { 'config.json': Buffer.from('{}'), 'pytorch_model.bin': randomBytes(60) };
    expect(await choicesOf(asking(await serve({ files: own })), 'owner/name')).toEqual([]);
  });
});

describe('published quantisations', () => {
  it('are those of repositories that say so, smallest first; one that cannot be listed is left out', async () => {
    const server = await serve();
    const { of, models: found } = await publishedFor(asking(server), 'Qwen/Qwen3-8B');
    expect(of).toEqual(['Qwen/Qwen3-8B']);
    expect(found.map(({ file, bytes, repository }) => [repository, file, bytes])).toEqual([
      ['owner/name', 'Qwen3-8B-Q4_K_M.gguf', 5000],
      ['owner/name', 'Qwen3-8B-Q8_0.gguf', 9000],
      ['owner/name', 'F16/Qwen3-8B-F16-00001-of-00002.gguf', 18_000],
    ]);
    const filters = server.requests.map(({ query }) => new URLSearchParams(query).getAll('filter'));
    expect(filters).toContainEqual(['base_model:quantized:Qwen/Qwen3-8B', 'gguf']);
  });

  it('of a quantised repository are those of what it was quantised from', async () => {
    const { of, models: found } = await publishedFor(asking(await serve()), 'owner/name');
    expect(of).toEqual(['Qwen/Qwen3-8B']);
    expect(found).toHaveLength(3);
  });

  it('are refused where the repository is not there', async () => {
    expect(await refused(publishedFor(asking(await serve()), 'no/where'))).toMatchObject({ code: 'HUB_NOT_FOUND' });
  });
});
